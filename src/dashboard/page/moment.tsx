import { formatAge, formatMoment, formatWhole } from '../model/format.ts'

/** A moment of the API, in the reader's time. */
export function Moment({ time }: { time: string }) {
  const at = Date.parse(time)
  return (
    <time dateTime={time} title={formatWhole(at)}>
      {formatMoment(at, Date.now())}
    </time>
  )
}

/** How long ago a moment of the API was. Whoever shows it is drawn anew from time to time. */
export function Age({ time }: { time: string }) {
  const at = Date.parse(time)
  return (
    <time dateTime={time} title={formatWhole(at)}>
      {formatAge(Date.now() - at)}
    </time>
  )
}
