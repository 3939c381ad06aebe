import type { ServiceClient } from '../../api/client.ts'
import type { WireAccepted, WireTaskDetail } from '../../api/contract.ts'
import { parseReference } from '../../oci/reference.ts'
import { rendered, type OutputForm } from '../output.ts'
import { voiceOf, type ProgramIo } from '../program-io.ts'
import { requireResult, watchTask } from './watch.ts'

export interface CreateOptions {
  sync: boolean
  output?: OutputForm
}

/**
 * Has an image converted by a service; with `sync`, waits for it by its events, which no proxy takes for a dead
 * connection. Upstream's service, which has none, is asked to answer at the end. Throws HTTP_SERVICE_…, REFERENCE_INVALID.
 */
export async function create(
  client: ServiceClient,
  source: string,
  { sync, output }: CreateOptions,
  io: ProgramIo,
): Promise<void> {
  const { tag, digest } = parseReference(source)
  const { log } = voiceOf(io, 'info')
  if (sync) log.info('Waiting task to be completed...')
  // who names a digest on the command line means it; a webhook's pushes by digest are members of an index
  const untagged = tag === undefined && digest !== undefined
  const accepted = await client.submitTask(source, { sync, untagged, signal: io.signal })
  for (const { image, reason } of accepted?.skipped ?? []) {
    log.warn(`${image} is not converted: ${reason}`)
  }
  const ended = sync ? await watchAll(client, accepted, io) : undefined
  if (output !== undefined) {
    const value = ended === undefined ? accepted : { ...accepted, tasks: ended }
    io.stdout.write(rendered(value ?? {}, output, () => ''))
  }
  for (const task of ended ?? []) requireResult(task)
  if (accepted?.tasks.length === 0) return
  log.info(
    sync ? 'Task has been completed.' : 'Submitted asynchronous task, check status by `task list`.',
  )
}

/** Several rules may apply to one image; each makes a task. */
async function watchAll(
  client: ServiceClient,
  accepted: WireAccepted | undefined,
  io: ProgramIo,
): Promise<WireTaskDetail[]> {
  const ended: WireTaskDetail[] = []
  for (const { id } of accepted?.tasks ?? []) {
    ended.push(await watchTask(client, id, io, { quiet: true }))
  }
  return ended
}
