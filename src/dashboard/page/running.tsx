import type { WireLayer } from '../../api/contract.ts'
import { formatBytes, formatRate, formatSpan } from '../model/format.ts'
import type { KnownTask, LiveProgress } from '../model/task-book.ts'
import { layerWorkOf, workOf, type Work } from '../model/work.ts'
import { useDashboard, useNow } from './dashboard-context.ts'
import { ImageName } from './image-name.tsx'
import { taskHref } from './route.ts'

/** What is being converted now. */
export function Running({ tasks, loaded }: { tasks: readonly KnownTask[]; loaded: boolean }) {
  useNow(1000)
  return (
    <section class="card" aria-labelledby="running">
      <h2 id="running">
        Running <span class="count">{tasks.length}</span>
      </h2>
      {tasks.length === 0 && (
        <p class="empty">{loaded ? 'Nothing is being converted.' : 'Loading …'}</p>
      )}
      <ul class="plain">
        {tasks.map((task) => (
          <li key={task.id} class="running-task">
            <a class="image" href={taskHref(task.id)}>
              <ImageName name={task.source} />
            </a>
            <TaskWork task={task} />
          </li>
        ))}
      </ul>
    </section>
  )
}

/** Where a running task stands: phase, layers, bytes, pace and what is left; and the same of each layer that is worked on. */
export function TaskWork({ task }: { task: KnownTask }) {
  const { tasks } = useDashboard()
  const now = performance.now()
  const progress = tasks.book.progressOf(task.id)
  if (progress === undefined) return <p class="figures">begins</p>
  const work = workOf(progress, tasks.book.paces.of(task.id, now))
  return (
    <>
      <progress
        aria-label={`${task.source}: ${work.name}`}
        class={progress.phase}
        {...(work.total > 0 ? { value: work.done, max: work.total } : { value: 0, max: 1 })}
      />
      <p class="figures">
        <strong>{work.name}</strong>
        {figuresOf(progress, work).map((figure) => (
          <span key={figure}>{figure}</span>
        ))}
        {work.leftMs !== undefined && <span class="left">{formatSpan(work.leftMs)} left</span>}
      </p>
      {progress.active.length > 0 && (
        <ul class="plain layers">
          {progress.active.map((layer) => (
            <LayerWork
              key={`${layer.platform} ${layer.index}`}
              layer={layer}
              several={severalPlatforms(progress.active)}
              work={layerWorkOf(layer, tasks.book.paces.ofLayer(task.id, layer, now))}
            />
          ))}
        </ul>
      )}
    </>
  )
}

function figuresOf(progress: LiveProgress, { done, total, bytesPerSecond }: Work): string[] {
  const { layers, layers_done: ready } = progress
  return [
    ...(layers === 0 ? [] : [`${ready} of ${layers} layers done`]),
    ...(total === 0 ? [] : [`${formatBytes(done)} of ${formatBytes(total)}`]),
    ...(bytesPerSecond >= 1 && done < total ? [formatRate(bytesPerSecond)] : []),
  ]
}

function severalPlatforms(layers: readonly WireLayer[]): boolean {
  return new Set(layers.map(({ platform }) => platform)).size > 1
}

function LayerWork(init: { layer: WireLayer; several: boolean; work: Work }) {
  const { layer, several, work } = init
  const name = `Layer ${layer.index}${several ? `, ${layer.platform}` : ''}`
  return (
    <li title={layer.digest}>
      <span class="name">{name}</span>
      <progress
        class={layer.state === 'pushing' ? 'push' : 'convert'}
        aria-label={`${name}: ${work.name}`}
        value={work.done}
        max={Math.max(1, work.total)}
      />
      <span class="bytes">
        {work.done < work.total && `${formatBytes(work.done)} of `}
        {formatBytes(work.total)}
      </span>
      <span class="pace">
        {work.bytesPerSecond >= 1 && work.done < work.total
          ? formatRate(work.bytesPerSecond)
          : work.name}
      </span>
    </li>
  )
}
