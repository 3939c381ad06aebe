import type { ComponentChildren } from 'preact'
import { NEVER, type WireTaskDetail } from '../../api/contract.ts'
import { formatBytes, formatChange, formatSpan } from '../model/format.ts'
import { isFound } from '../model/timeline.ts'
import { ImageName } from './image-name.tsx'
import { Moment } from './moment.tsx'

/** What is known of a task, in words and figures. */
export function TaskFacts({ task }: { task: WireTaskDetail }) {
  const { source_size: before, target_size: after, timings = {}, layers = [] } = task
  const cached = layers.filter(isFound).length
  return (
    <section class="card" aria-labelledby="facts">
      <h2 id="facts">Facts</h2>
      {after > 0 && <Sizes before={before} after={after} />}
      <dl class="facts">
        {task.target !== undefined && (
          <Fact name="Result">
            <ImageName name={task.target} />
          </Fact>
        )}
        {task.reused && (
          <Fact name="Reused">an earlier result was found, nothing was converted</Fact>
        )}
        {layers.length > 0 && (
          <Fact name="From the cache">
            {cached} of {layers.length} layers
          </Fact>
        )}
        {task.rule !== undefined && <Fact name="Rule">{task.rule}</Fact>}
        <Fact name="Asked for">
          <Moment time={task.created} />
        </Fact>
        {task.finished !== NEVER && (
          <Fact name="Ended">
            <Moment time={task.finished} />
          </Fact>
        )}
        <Fact name="Attempts">{task.attempts}</Fact>
        <Duration name="Waited" ms={timings.wait_ms} />
        <Duration name="Converted in" ms={timings.convert_ms} />
        <Duration name="Pushed in" ms={timings.push_ms} />
        {task.source_digest !== undefined && (
          <Fact name="Source digest">
            <code>{task.source_digest}</code>
          </Fact>
        )}
        {task.target_digest !== undefined && (
          <Fact name="Result digest">
            <code>{task.target_digest}</code>
          </Fact>
        )}
        <Fact name="Task">
          <code>{task.id}</code>
        </Fact>
      </dl>
    </section>
  )
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  )
}

/** How long something took; nothing where it did not come to that. */
function Duration({ name, ms = 0 }: { name: string; ms: number | undefined }) {
  return ms < 1 ? null : <Fact name={name}>{formatSpan(ms)}</Fact>
}

/** The image before and after, to one scale. */
function Sizes({ before, after }: { before: number; after: number }) {
  const most = Math.max(before, after)
  return (
    <div class="sizes-picture">
      <span>Before</span>
      <meter aria-label="Size before" value={before} max={most} />
      <strong>{formatBytes(before)}</strong>
      <span>After</span>
      <meter class="after" aria-label="Size after" value={after} max={most} />
      <strong>{formatBytes(after)}</strong>
      <p>{formatChange(before, after)}</p>
    </div>
  )
}
