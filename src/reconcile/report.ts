/** What a search has done in one registry. */
export interface HostReport {
  host: string
  /** Tags that were looked at. */
  images: number
  /** Results that are there and are those of what the tag names now. */
  upToDate: number
  /** Results that no rule asks for, and tags that are results. */
  notWanted: number
  /** Results that were tried before, without success or without need. */
  triedBefore: number
  /** Images, and repositories, that could not be read; each is in the log. */
  failed: number
  /** Tasks that were queued, or, in a dry run, would be. */
  queued: number
  /** Why the search ended early. */
  error?: { code: string; message: string; hint: string }
}

/** What a whole search has done. */
export interface ReconcileReport {
  dryRun: boolean
  hosts: HostReport[]
  /** What was queued, at most `MAX_LISTED` of it: `host/repository:tag by rule`. */
  queued: string[]
}

/** Images that a report names at most, so that it stays small whatever the registry holds. */
export const MAX_LISTED = 1_000

export function emptyReport(dryRun: boolean): ReconcileReport {
  return { dryRun, hosts: [], queued: [] }
}

export function emptyHostReport(host: string): HostReport {
  return { host, images: 0, upToDate: 0, notWanted: 0, triedBefore: 0, failed: 0, queued: 0 }
}

/** The line of the log for one registry. */
export function describeHostReport(report: HostReport, dryRun: boolean): string {
  const { host, images, upToDate, notWanted, triedBefore, failed, queued, error } = report
  const counts = `${images} tags, ${upToDate} results up to date, ${notWanted} not wanted, ${triedBefore} tried before, ${failed} could not be read, ${queued} ${dryRun ? 'would be ' : ''}queued`
  return error === undefined
    ? `searched ${host}: ${counts}`
    : `searched ${host} in part: ${counts}; ${error.message}`
}
