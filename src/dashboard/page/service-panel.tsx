import { useEffect, useState } from 'preact/hooks'
import type { WireReadiness, WireStatus } from '../../api/contract.ts'
import { formatBytes } from '../model/format.ts'
import { useDashboard } from './dashboard-context.ts'

/** Milliseconds between two looks at the service. */
const EVERY_MS = 10_000

/** Whether the service and its registries are well, and what it takes on the disk. */
export function ServicePanel() {
  const { status, readiness } = useStatus()
  return (
    <section class="card" aria-labelledby="service">
      <h2 id="service">
        Service {status !== undefined && <span class="count">{status.version}</span>}
      </h2>
      {status === undefined ? (
        <p class="empty">Not known yet.</p>
      ) : (
        <Facts {...{ status, readiness }} />
      )}
    </section>
  )
}

function Facts(facts: { status: WireStatus; readiness: WireReadiness | undefined }) {
  const { status, readiness } = facts
  const { store, disk, registries } = status
  return (
    <>
      <dl class="facts">
        {readiness !== undefined && (
          <>
            <dt>Takes orders</dt>
            <dd>
              <Mark good={readiness.ready}>{readiness.ready ? 'yes' : refusal(readiness)}</Mark>
            </dd>
          </>
        )}
        <dt>Free on the disk</dt>
        <dd>{formatBytes(disk.free)}</dd>
        <dt>Layers kept</dt>
        <dd>
          {store.layers} ({formatBytes(store.content)})
        </dd>
        <dt>Needed now</dt>
        <dd>{formatBytes(store.needed)}</dd>
        <dt>Under way</dt>
        <dd>{formatBytes(store.under_way)}</dd>
      </dl>
      <h3>Registries</h3>
      <ul class="plain registries">
        {registries.map(({ name, answers }) => (
          <li key={name}>
            <span class="image">{name}</span>
            {answers === undefined ? (
              <span class="quiet-text">not asked yet</span>
            ) : (
              <Mark good={answers}>{answers ? 'answers' : 'does not answer'}</Mark>
            )}
          </li>
        ))}
      </ul>
    </>
  )
}

function Mark({ good, children }: { good: boolean; children: string }) {
  return <span class={good ? 'mark good' : 'mark bad'}>{children}</span>
}

function refusal({ checks }: WireReadiness): string {
  return checks.database === 'failing' ? 'no: tasks cannot be stored' : 'no: the disk is full'
}

function useStatus(): { status: WireStatus | undefined; readiness: WireReadiness | undefined } {
  const { service } = useDashboard()
  const [known, setKnown] = useState<{ status?: WireStatus; readiness?: WireReadiness }>({})
  useEffect(() => {
    const stop = new AbortController()
    // that acceld does not answer is shown by the connection
    const nothing = (): void => undefined
    const look = async (): Promise<void> => {
      const showStatus = async (): Promise<void> => {
        const status = await service.status(stop.signal)
        setKnown((known) => ({ ...known, status }))
      }
      await showStatus().catch(nothing)
      // the service asks the registries for it, which takes as long as they do
      const readiness = await service.readiness(stop.signal)
      setKnown((known) => ({ ...known, readiness }))
      await showStatus()
    }
    void look().catch(nothing)
    const timer = setInterval(() => void look().catch(nothing), EVERY_MS)
    return () => {
      clearInterval(timer)
      stop.abort()
    }
  }, [service])
  return { status: known.status, readiness: known.readiness }
}
