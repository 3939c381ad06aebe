import type { WireTask } from '../../api/contract.ts'

/** The state of a task, as a word that has its colour. */
export function StateBadge({ task }: { task: Pick<WireTask, 'state' | 'skipped'> }) {
  const { state, skipped } = task
  return <span class={`badge ${state}`}>{skipped ? 'nothing to do' : state}</span>
}
