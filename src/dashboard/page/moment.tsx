import { formatMoment } from '../model/format.ts'

/** A moment of the API, in the reader's time. */
export function Moment({ time }: { time: string }) {
  const at = Date.parse(time)
  return (
    <time dateTime={time} title={new Date(at).toString()}>
      {formatMoment(at, Date.now())}
    </time>
  )
}
