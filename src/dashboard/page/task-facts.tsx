import type { ComponentChildren } from 'preact'
import { NEVER, type WireTaskDetail } from '../../api/contract.ts'
import { formatBytes, formatChange, formatSpan, shortDigest } from '../model/format.ts'
import { isFound } from '../model/timeline.ts'
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
        {task.target !== undefined && <Fact name="Result">{task.target}</Fact>}
        {task.rule !== undefined && <Fact name="Rule">{task.rule}</Fact>}
        {task.reused && (
          <Fact name="Reused">an earlier result was found, nothing was converted</Fact>
        )}
        {layers.length > 0 && (
          <Fact name="From the cache">
            {cached} of {layers.length} layers
          </Fact>
        )}
        <Fact name="Asked for">
          <Moment time={task.created} />
        </Fact>
        {task.finished !== NEVER && (
          <Fact name="Ended">
            <Moment time={task.finished} />
          </Fact>
        )}
        <Fact name="Attempts">{task.attempts}</Fact>
        {timings.wait_ms !== undefined && <Fact name="Waited">{formatSpan(timings.wait_ms)}</Fact>}
        {timings.convert_ms !== undefined && (
          <Fact name="Converted in">{formatSpan(timings.convert_ms)}</Fact>
        )}
        {timings.push_ms !== undefined && (
          <Fact name="Pushed in">{formatSpan(timings.push_ms)}</Fact>
        )}
        {task.source_digest !== undefined && (
          <Fact name="Source digest">
            <code title={task.source_digest}>{shortDigest(task.source_digest)}</code>
          </Fact>
        )}
        {task.target_digest !== undefined && (
          <Fact name="Result digest">
            <code title={task.target_digest}>{shortDigest(task.target_digest)}</code>
          </Fact>
        )}
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

function Sizes({ before, after }: { before: number; after: number }) {
  const most = Math.max(before, after)
  return (
    <div class="sizes-picture">
      <meter aria-label="Size before" value={before} max={most} />
      <span>{formatBytes(before)} before</span>
      <meter aria-label="Size after" value={after} max={most} />
      <span>
        {formatBytes(after)} after, {formatChange(before, after)}
      </span>
    </div>
  )
}
