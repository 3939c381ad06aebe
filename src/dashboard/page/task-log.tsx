import type { WireRecord } from '../../api/contract.ts'
import { shortDigests } from '../model/format.ts'
import { Moment } from './moment.tsx'
import { phaseWords } from './words.ts'

/** Everything that happened to a task, the oldest first. */
export function TaskLog({ records }: { records: readonly WireRecord[] }) {
  return (
    <section class="card" aria-labelledby="log">
      <h2 id="log">Log</h2>
      <ol class="plain log">
        {records.map((record, i) => (
          <li key={i} class={record.type}>
            <Moment time={record.time} />
            <p>
              <strong>{typeOf(record)}</strong>{' '}
              {record.code !== undefined && <code>{record.code}</code>}{' '}
              {record.type === 'phase' ? '' : shortDigests(record.message ?? '')}
            </p>
          </li>
        ))}
      </ol>
    </section>
  )
}

function typeOf({ type, message = '' }: WireRecord): string {
  return type === 'phase' ? (phaseWords[message] ?? message) : type
}
