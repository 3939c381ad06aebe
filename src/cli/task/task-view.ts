import type { WireProgress, WireTaskDetail } from '../../api/contract.ts'
import type { TaskNews } from '../../api/follow-task.ts'
import { formatBar, formatClock, formatSize } from '../../quantity/quantity.ts'

/** What is known of one task of a service while it is followed, and how it looks as lines of text. */
export interface TaskView {
  take(news: TaskNews): void
  /** The lines at this moment, none wider than `columns`. Empty before the first news and after the end. */
  lines(size: { columns: number; rows: number }): string[]
}

/** A view of one task. `now` is a clock in milliseconds. */
export function createTaskView(now: () => number): TaskView {
  const opened = now()
  let task: WireTaskDetail | undefined
  let progress: WireProgress | undefined
  let problem: string | undefined
  return {
    take(news) {
      problem = news.type === 'reconnecting' ? news.problem : undefined
      if (news.type === 'progress') progress = news.progress
      if (news.type !== 'task') return
      task = news.task
      progress = news.task.state === 'running' ? (news.task.progress ?? progress) : undefined
    },
    lines({ columns, rows }) {
      if (task === undefined || rows < 2) return []
      if (task.state !== 'waiting' && task.state !== 'running') return []
      const clock = formatClock((now() - opened) / 1000)
      const attempt = task.attempts > 1 ? `  attempt ${task.attempts}` : ''
      const lines = [
        `${task.state} ${task.source}  ${clock}${attempt}`,
        problem === undefined ? stateLine(task, progress) : `  connection lost: ${problem}`,
      ]
      return lines.map((line) => cut(line, columns))
    },
  }
}

function stateLine(task: WireTaskDetail, progress: WireProgress | undefined): string {
  if (progress === undefined) {
    return task.next_attempt === undefined
      ? '  in line'
      : `  next attempt at ${task.next_attempt.slice(11, 19)} UTC: ${task.reason}`
  }
  const { phase, layers, layers_done: done } = progress
  if (phase === 'disk') return '  waits for room on the disk'
  const { source_bytes: source, read_bytes: read } = progress
  const { written_bytes: written, pushed_bytes: pushed } = progress
  // the source is read once, and what was made of it is pushed once
  const share = (read + pushed) / (source + Math.max(written, source) || 1)
  return [
    `  ${formatBar(share)}  ${phase}`,
    `layers ${done}/${layers}`,
    `read ${formatSize(read)} of ${formatSize(source)}`,
    `written ${formatSize(written)}`,
    `pushed ${formatSize(pushed)}`,
  ].join('  ')
}

function cut(line: string, columns: number): string {
  const letters = Array.from(line)
  return letters.length <= columns
    ? line
    : `${letters.slice(0, Math.max(0, columns - 1)).join('')}…`
}
