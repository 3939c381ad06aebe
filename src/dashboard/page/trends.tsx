import { useMemo } from 'preact/hooks'
import {
  formatBytes,
  formatChange,
  formatCount,
  formatMoment,
  formatSpan,
} from '../model/format.ts'
import { bucketsOf, type Bucket } from '../model/history-plot.ts'
import type { KnownTask } from '../model/task-book.ts'
import { BarPlot } from './bar-plot.tsx'
import { useDashboard, useNow } from './dashboard-context.ts'

/** How much was converted over time, and what came of it. */
export function Trends({ all, loaded }: { all: readonly KnownTask[]; loaded: boolean }) {
  const { tasks } = useDashboard()
  const now = Math.floor(useNow(60_000) / 60_000) * 60_000
  const { step, bars } = useMemo(() => bucketsOf(all, now), [all, now])
  return (
    <section class="card trends" aria-labelledby="trends">
      <h2 id="trends">
        Trends{' '}
        {bars.length > 0 && (
          <span class="count">
            a bar is {formatSpan(step)}
            {tasks.reach !== '' && `, of the newest ${formatCount(all.length)} tasks`}
          </span>
        )}
      </h2>
      {bars.length === 0 ? (
        <p class="empty">{loaded ? 'No conversion has ended yet.' : 'Loading …'}</p>
      ) : (
        <Plots step={step} bars={bars} />
      )}
    </section>
  )
}

function Plots({ step, bars }: { step: number; bars: readonly Bucket[] }) {
  const before = sum(bars, 'sourceBytes')
  const after = sum(bars, 'targetBytes')
  const plot = (partsOf: (bar: Bucket) => { kind: string; value: number }[], textOf: TextOf) =>
    bars.map((bar) => ({
      from: bar.from,
      parts: partsOf(bar),
      text: `${formatMoment(bar.from, Date.now())}: ${textOf(bar)}`,
    }))
  return (
    <div class="plots">
      <BarPlot
        title="Tasks ended"
        total={endings({
          converted: sum(bars, 'converted'),
          spared: sum(bars, 'spared'),
          failed: sum(bars, 'failed'),
        })}
        step={step}
        least={1}
        label={formatCount}
        legend={{ converted: 'converted', spared: 'not needed', failed: 'failed' }}
        bars={plot(
          ({ converted, spared, failed }) => [
            { kind: 'converted', value: converted },
            { kind: 'spared', value: spared },
            { kind: 'failed', value: failed },
          ],
          endings,
        )}
      />
      <BarPlot
        title="Bytes converted"
        total={`${formatBytes(before)}, ${formatBytes((before * 1000) / spanOf(bars, step))}/s on average`}
        step={step}
        label={formatBytes}
        bars={plot(
          ({ sourceBytes }) => [{ kind: 'bytes', value: sourceBytes }],
          ({ sourceBytes }) =>
            sourceBytes === 0
              ? 'nothing converted'
              : `${formatBytes(sourceBytes)}, ${formatBytes((sourceBytes * 1000) / step)}/s`,
        )}
      />
      <BarPlot
        title="Size of the results"
        total={before > 0 ? `${formatBytes(after)}, ${formatChange(before, after)}` : ''}
        step={step}
        label={(value) => `${value.toFixed(0)} %`}
        mark={100}
        bars={plot(
          (bar) => [{ kind: 'ratio', value: percent(bar) }],
          ({ sourceBytes, targetBytes }) =>
            sourceBytes === 0
              ? 'nothing converted'
              : `${formatBytes(sourceBytes)} → ${formatBytes(targetBytes)}, ${formatChange(sourceBytes, targetBytes)}`,
        )}
      />
    </div>
  )
}

type TextOf = (bar: Bucket) => string

function endings({ converted, spared, failed }: Pick<Bucket, 'converted' | 'spared' | 'failed'>) {
  const parts = [
    `${formatCount(converted)} converted`,
    ...(spared > 0 ? [`${formatCount(spared)} not needed`] : []),
    ...(failed > 0 ? [`${formatCount(failed)} failed`] : []),
  ]
  return parts.join(', ')
}

/** Results as a share of their sources. */
function percent({ sourceBytes, targetBytes }: Bucket): number {
  return sourceBytes > 0 ? (targetBytes / sourceBytes) * 100 : 0
}

/** Milliseconds that the bars stand for, from the first that is not empty. */
function spanOf(bars: readonly Bucket[], step: number): number {
  const first = bars.findIndex(({ sourceBytes }) => sourceBytes > 0)
  return Math.max(1, bars.length - Math.max(0, first)) * step
}

function sum(bars: readonly Bucket[], member: Exclude<keyof Bucket, 'from'>): number {
  return bars.reduce((total, bar) => total + bar[member], 0)
}
