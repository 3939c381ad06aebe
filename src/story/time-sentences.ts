import type { WireRecord, WireTaskDetail } from '../api/contract.ts'
import { formatSpan } from '../quantity/span.ts'
import { listOf, type Sentence } from './sentence.ts'

/** How long it waited and took, and for what. */
export function timeSentences({ timings = {}, reused, skipped }: WireTaskDetail): Sentence[] {
  const { wait_ms: wait, run_ms: run, pull_ms: pull, convert_ms: convert, push_ms: push } = timings
  if (run === undefined) return []
  const parts = [
    span(pull, 'to read the manifests'),
    ...(reused || skipped ? [] : [span(convert, 'to convert'), span(push, 'to push')]),
  ].flat()
  const waited = wait === undefined ? '' : `It waited ${formatSpan(wait)} and then`
  const text = `${waited === '' ? 'It' : waited} took ${formatSpan(run)}${parts.length === 0 ? '' : `: ${listOf(parts)}`}.`
  return [{ topic: 'time', tone: 'plain', text }]
}

function span(ms: number | undefined, what: string): string[] {
  return ms === undefined ? [] : [`${formatSpan(ms)} ${what}`]
}

/** The attempts that failed and were followed by another, and the runs that ended with the service. */
export function historySentences(
  { interruptions = 0 }: WireTaskDetail,
  records: readonly WireRecord[],
): Sentence[] {
  const told: Sentence[] = []
  const tell = (text: string): void => void told.push({ topic: 'history', tone: 'warning', text })
  // a version before has not written down when
  if (interruptions > 0 && !records.some(({ type }) => type === 'interrupted')) {
    const times = interruptions === 1 ? 'once' : `${interruptions} times`
    tell(
      `The service ended ${times} while it ran; it was taken up again, with the layers that were finished.`,
    )
  }
  let attempts = 0
  let began = ''
  for (const [i, { time, type, message = '', code }] of records.entries()) {
    if (type === 'started') began = time
    if (type === 'retrying') {
      const what = code === undefined ? '' : ` (${code})`
      tell(`Attempt ${++attempts} failed at ${moment(time)}: ${message}${what}.`)
    }
    if (type === 'interrupted') {
      const next = records.slice(i).find((record) => record.type === 'started')
      const then =
        next === undefined
          ? ''
          : ` Another began at ${moment(next.time)}, with the layers that were finished.`
      tell(`The run that began at ${moment(began)} ended: ${message}.${then}`)
    }
  }
  return told
}

function moment(time: string): string {
  return `${time.slice(0, 19).replace('T', ' ')} UTC`
}
