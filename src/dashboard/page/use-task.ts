import { useCallback, useEffect, useState } from 'preact/hooks'
import { NEVER, type WireRecord, type WireTaskDetail } from '../../api/contract.ts'
import { ServiceError } from '../model/service.ts'
import { isOpen, layersWith } from '../model/task-book.ts'
import { useDashboard, useLiveTasks } from './dashboard-context.ts'

/**
 * How often a task that has not ended is asked for all the same, in milliseconds: events tell of everything but warnings.
 */
const EVERY_MS = 5_000

/** What is known of one task. */
export interface Followed {
  task: WireTaskDetail | undefined
  records: WireRecord[]
  /** Why it cannot be shown. */
  problem: string
  refresh(): void
}

/** Follows one task: it is asked for whenever an event tells of something new, and events tell where its layers stand meanwhile. */
export function useTask(id: string): Followed {
  const { service } = useDashboard()
  const tasks = useLiveTasks()
  const [found, setFound] = useState<{ task: WireTaskDetail; records: WireRecord[] }>()
  const [problem, setProblem] = useState('')
  const refresh = useCallback(
    async (signal?: AbortSignal) => {
      try {
        const [task, records] = await Promise.all([
          service.task(id, signal),
          service.records(id, signal),
        ])
        setFound({ task, records })
        setProblem('')
        tasks.put(task)
      } catch (error) {
        if (signal?.aborted) return
        // without a connection, what is known is shown: that it is old is shown, too
        if (error instanceof ServiceError && error.status === 404) setProblem(error.message)
      }
    },
    [id, service, tasks],
  )
  const known = tasks.book.get(id)
  const progress = tasks.book.progressOf(id)
  const active = progress?.active ?? []
  const mark = [
    known?.state,
    known?.attempts,
    known?.finished ?? NEVER,
    progress?.phase,
    progress?.layers_done,
    ...active.map(({ platform, index, state }) => `${platform} ${index} ${state}`),
  ].join(' ')
  const open = found === undefined || isOpen(found.task.state)
  useEffect(() => {
    const stop = new AbortController()
    void refresh(stop.signal)
    const timer = open ? setInterval(() => void refresh(stop.signal), EVERY_MS) : undefined
    return () => {
      clearInterval(timer)
      stop.abort()
    }
  }, [refresh, open, mark])
  const task = found?.task
  return {
    task:
      task?.layers === undefined ? task : { ...task, layers: [...layersWith(task.layers, active)] },
    records: found?.records ?? [],
    problem,
    refresh: () => void refresh(),
  }
}
