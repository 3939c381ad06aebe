import type { WireTask } from '../../api/contract.ts'

/** The state of a task, as a word that has its colour. */
export function StateBadge({ task }: { task: Pick<WireTask, 'state' | 'skipped' | 'reused'> }) {
  const { state, skipped, reused } = task
  const word = skipped ? 'nothing to do' : reused ? 'reused' : state
  return <span class={`badge ${skipped || reused ? 'spared' : state}`}>{word}</span>
}
