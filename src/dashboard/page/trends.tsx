import { useMemo } from 'preact/hooks'
import { formatBytes, formatChange, formatMoment, formatSpan } from '../model/format.ts'
import { bucketsOf, type Bucket } from '../model/history-plot.ts'
import type { KnownTask } from '../model/task-book.ts'
import { BarPlot } from './bar-plot.tsx'
import { useNow } from './dashboard-context.ts'

/** How much was converted over time, and what came of it. */
export function Trends({ all }: { all: readonly KnownTask[] }) {
  const now = Math.floor(useNow(60_000) / 60_000) * 60_000
  const ended = all.filter(({ state }) => state === 'completed' || state === 'failed')
  const last = ended.reduce((latest, { finished }) => (finished > latest ? finished : latest), '')
  const { step, bars } = useMemo(() => bucketsOf(ended, now), [ended.length, last, now])
  const before = sum(bars, 'sourceBytes')
  const after = sum(bars, 'targetBytes')
  return (
    <section class="card" aria-labelledby="trends">
      <h2 id="trends">Trends</h2>
      {bars.length === 0 ? (
        <p class="empty">No conversion has ended yet.</p>
      ) : (
        <>
          <p class="figures">
            <span>
              {sum(bars, 'completed')} completed, {sum(bars, 'failed')} failed
            </span>
            <span>
              {formatBytes(before)} → {formatBytes(after)}
              {before > 0 && `, ${formatChange(before, after)}`}
            </span>
            <span>a bar: {formatSpan(step)}</span>
          </p>
          <BarPlot
            title="Tasks ended"
            top={(value) => String(value)}
            bars={bars.map((bucket) => ({
              from: bucket.from,
              text: `${when(bucket)}: ${bucket.completed} completed, ${bucket.failed} failed`,
              parts: [
                { kind: 'completed', value: bucket.completed },
                { kind: 'failed', value: bucket.failed },
              ],
            }))}
          />
          <BarPlot
            title="Bytes converted"
            top={formatBytes}
            bars={bars.map((bucket) => ({
              from: bucket.from,
              text: `${when(bucket)}: ${formatBytes(bucket.sourceBytes)} → ${formatBytes(bucket.targetBytes)}`,
              parts: [{ kind: 'bytes', value: bucket.sourceBytes }],
            }))}
          />
          <BarPlot
            title="Results, % of the sources"
            top={(value) => `${value.toFixed(0)} %`}
            bars={bars.map((bucket) => ({
              from: bucket.from,
              text: `${when(bucket)}: ${formatChange(bucket.sourceBytes, bucket.targetBytes)}`,
              parts: [{ kind: 'ratio', value: percent(bucket) }],
            }))}
          />
        </>
      )}
    </section>
  )
}

function percent({ sourceBytes, targetBytes }: Bucket): number {
  return sourceBytes > 0 ? (targetBytes / sourceBytes) * 100 : 0
}

function when({ from }: Bucket): string {
  return formatMoment(from, Date.now())
}

function sum(bars: readonly Bucket[], member: Exclude<keyof Bucket, 'from'>): number {
  return bars.reduce((total, bar) => total + bar[member], 0)
}
