import type { WireBackfill } from '../api/contract.ts'
import type { ReconcilerState } from '../reconcile/reconciler.ts'

/** Where a search stands, as the API says it. */
export function wireBackfill({ running, started, report }: ReconcilerState): WireBackfill {
  return {
    running,
    ...(report === undefined ? {} : { dry_run: report.dryRun }),
    ...(started === undefined ? {} : { started: new Date(started).toISOString() }),
    registries: (report?.hosts ?? []).map(({ upToDate, notWanted, triedBefore, ...rest }) => ({
      ...rest,
      up_to_date: upToDate,
      not_wanted: notWanted,
      tried_before: triedBefore,
    })),
    queued: report?.queued ?? [],
  }
}
