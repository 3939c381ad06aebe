import { useState } from 'preact/hooks'
import type { WireTaskDetail } from '../../api/contract.ts'
import { isOpen } from '../model/task-book.ts'
import { useDashboard } from './dashboard-context.ts'

/** What can be done with a task. */
export function TaskActions({ task, onChange }: { task: WireTaskDetail; onChange(): void }) {
  const { service, tasks } = useDashboard()
  const [problem, setProblem] = useState('')
  const [busy, setBusy] = useState(false)
  const run = async (work: () => Promise<void>): Promise<void> => {
    setBusy(true)
    try {
      await work()
      setProblem('')
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
    }
    setBusy(false)
    onChange()
  }
  const act = (action: 'cancel' | 'retry') => () =>
    void run(async () => tasks.put(await service.act(task.id, action)))
  const forget = (): void =>
    void run(async () => {
      await service.delete(task.id)
      tasks.remove(task.id)
      location.hash = '#/'
    })
  return (
    <div class="actions">
      {task.next_attempt !== undefined && (
        <button type="button" disabled={busy} onClick={act('retry')}>
          Try now
        </button>
      )}
      {isOpen(task.state) && (
        <button type="button" disabled={busy} onClick={act('cancel')}>
          Cancel
        </button>
      )}
      {!isOpen(task.state) && task.state !== 'completed' && (
        <button type="button" disabled={busy} onClick={act('retry')}>
          Retry
        </button>
      )}
      {!isOpen(task.state) && (
        <button type="button" class="quiet" disabled={busy} onClick={forget}>
          Remove from the history
        </button>
      )}
      {problem !== '' && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </div>
  )
}
