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

/** The attempts that failed and were followed by another, and those that ended with the service. */
export function historySentences(
  { interruptions = 0 }: WireTaskDetail,
  records: readonly WireRecord[],
): Sentence[] {
  const text = `The service ended ${interruptions === 1 ? 'once' : `${interruptions} times`} while it ran; it was taken up again, with the layers that were finished.`
  const died: Sentence[] = interruptions === 0 ? [] : [{ topic: 'history', tone: 'warning', text }]
  const failed = records
    .filter(({ type }) => type === 'retrying')
    .map(({ time, message = '', code }, i): Sentence => {
      const what = code === undefined ? '' : ` (${code})`
      const text = `Attempt ${i + 1} failed at ${time.slice(0, 19).replace('T', ' ')} UTC: ${message}${what}.`
      return { topic: 'history', tone: 'warning', text }
    })
  return [...died, ...failed]
}
