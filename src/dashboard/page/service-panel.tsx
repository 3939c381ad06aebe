import type { WireReadiness, WireRegistry, WireStatus } from '../../api/contract.ts'
import { formatBytes, formatCount } from '../model/format.ts'
import { Age } from './moment.tsx'
import type { Status } from './use-status.ts'

/** Whether the service and its registries are well, and what it takes on the disk. */
export function ServicePanel({ status, readiness }: Status) {
  return (
    <section class="card service" aria-labelledby="service">
      <h2 id="service">
        Service {status !== undefined && <span class="count">{status.version}</span>}
      </h2>
      {status === undefined ? <p class="empty">Loading …</p> : <Parts {...{ status, readiness }} />}
    </section>
  )
}

function Parts(parts: { status: WireStatus; readiness: WireReadiness | undefined }) {
  const { status, readiness } = parts
  return (
    <>
      {readiness !== undefined && (
        <p>
          <Mark good={readiness.ready}>
            {readiness.ready ? 'Takes orders' : `Takes no orders: ${refusal(readiness)}`}
          </Mark>
        </p>
      )}
      <h3>Registries</h3>
      <ul class="plain registries">
        {status.registries.map((registry) => (
          <Registry key={registry.name} {...registry} />
        ))}
      </ul>
      <h3>Layers on disk</h3>
      <Store {...status.store} />
    </>
  )
}

function Registry({ name, answers, asked, problem }: WireRegistry) {
  return (
    <li>
      <span class="image">{name}</span>
      {answers === undefined ? (
        <span class="quiet-text">not asked yet</span>
      ) : (
        <Mark good={answers}>{answers ? 'answers' : 'no answer'}</Mark>
      )}
      {problem !== undefined && asked !== undefined && (
        <p class="note">
          {problem} (<Age time={asked} /> ago)
        </p>
      )}
    </li>
  )
}

/** What the store holds, and how much of what it may. */
function Store({ layers, content, needed, under_way: underWay, limit }: WireStatus['store']) {
  return (
    <>
      {limit > 0 && <meter aria-label="Kept, of what may be kept" value={content} max={limit} />}
      <dl class="facts">
        <dt>Kept</dt>
        <dd>
          {formatBytes(content)}
          {limit > 0 && ` of ${formatBytes(limit)}`} in {formatCount(layers)}{' '}
          {layers === 1 ? 'layer' : 'layers'}
        </dd>
        <dt>In use now</dt>
        <dd>{formatBytes(needed)}</dd>
        <dt>Being written</dt>
        <dd>{formatBytes(underWay)}</dd>
      </dl>
      {limit === 0 && (
        <p class="note">
          Nothing is kept beyond its task: <code>provider.gcpolicy.threshold</code> is not set.
        </p>
      )}
    </>
  )
}

function Mark({ good, children }: { good: boolean; children: string }) {
  return <span class={good ? 'mark good' : 'mark bad'}>{children}</span>
}

function refusal({ checks }: WireReadiness): string {
  return checks.database === 'failing' ? 'tasks cannot be stored' : 'the disk is full'
}
