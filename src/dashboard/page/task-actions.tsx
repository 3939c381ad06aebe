import { useEffect, useRef, useState } from 'preact/hooks'
import type { WireTaskDetail } from '../../api/contract.ts'
import { isOpen } from '../model/task-book.ts'
import { useDashboard } from './dashboard-context.ts'
import { backHref } from './route.ts'

/** What can be done with a task. */
export function TaskActions({ task, onChange }: { task: WireTaskDetail; onChange(): void }) {
  const { service, tasks } = useDashboard()
  const [problem, setProblem] = useState('')
  const [busy, setBusy] = useState(false)
  const group = useRef<HTMLDivElement>(null)
  const run = async (work: () => Promise<void>): Promise<void> => {
    setBusy(true)
    try {
      await work()
      setProblem('')
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
    }
    setBusy(false)
    // the button that had the focus is likely to be gone
    group.current?.focus()
    onChange()
  }
  const act = (action: 'cancel' | 'retry') => () =>
    void run(async () => {
      const changed = await service.act(task.id, action)
      tasks.put(changed)
      tasks.say(`${task.source}: ${changed.state}`)
    })
  const forget = (): void =>
    void run(async () => {
      await service.delete(task.id)
      tasks.remove(task.id)
      tasks.say(`${task.source}: removed`)
      location.hash = backHref()
    })
  const open = isOpen(task.state)
  return (
    <div class="actions" role="group" aria-label="Actions" tabIndex={-1} ref={group}>
      {task.next_attempt !== undefined && (
        <button type="button" class="first" disabled={busy} onClick={act('retry')}>
          Try now
        </button>
      )}
      {open && (
        <button type="button" disabled={busy} onClick={act('cancel')}>
          Cancel
        </button>
      )}
      {!open && task.state !== 'completed' && (
        <button type="button" class="first" disabled={busy} onClick={act('retry')}>
          Retry
        </button>
      )}
      {!open && <Removal busy={busy} onRemove={forget} />}
      {problem !== '' && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </div>
  )
}

/** Asks once more: what is removed cannot be had back. */
function Removal({ busy, onRemove }: { busy: boolean; onRemove(): void }) {
  const [asked, setAsked] = useState(false)
  const keep = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    if (asked) keep.current?.focus()
  }, [asked])
  if (!asked) {
    return (
      <button type="button" class="quiet" onClick={() => setAsked(true)}>
        Remove
      </button>
    )
  }
  return (
    <>
      <span>Remove it from the history?</span>
      <button type="button" ref={keep} onClick={() => setAsked(false)}>
        Keep
      </button>
      <button type="button" class="danger" disabled={busy} onClick={onRemove}>
        Remove
      </button>
    </>
  )
}
