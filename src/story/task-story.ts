import type { WireRecord, WireTaskDetail } from '../api/contract.ts'
import { layerSentences } from './layer-sentences.ts'
import { outcomeSentences } from './outcome-sentences.ts'
import { sizeSentences } from './size-sentences.ts'
import type { Sentence } from './sentence.ts'
import { historySentences, timeSentences } from './time-sentences.ts'

/**
 * What happened to a task and why, in sentences, and what can be done: what became of it, its layers, sizes, the
 * comparison with the source, times, and attempts that failed. `records` are all that happened to it, the oldest first;
 * what was before it was asked for the last time is passed over.
 */
export function tellTask(task: WireTaskDetail, records: readonly WireRecord[]): Sentence[] {
  const asked = records.slice(Math.max(0, lastOf(records, 'queued')))
  const warnings = asked
    .slice(Math.max(0, lastOf(asked, 'started')))
    .flatMap(({ type, message }) => (type === 'warning' && message ? [message] : []))
  const told = [
    ...outcomeSentences(task),
    ...layerSentences(task, warnings),
    ...sizeSentences(task, warnings),
    ...checkSentences(task),
    ...timeSentences(task),
    ...historySentences(task, asked),
  ]
  return told.toSorted((a, b) => Number(a.topic === 'next') - Number(b.topic === 'next'))
}

function lastOf(records: readonly WireRecord[], type: string): number {
  return records.findLastIndex((record) => record.type === type)
}

function checkSentences({ report, source, target }: WireTaskDetail): Sentence[] {
  if (report === undefined) return []
  const { verified_paths: paths } = report
  if (paths !== undefined) {
    const text = `Before the push it was read back as its readers see it, and ${paths} paths were compared with the source: all are the same.`
    return [{ topic: 'check', tone: 'good', text }]
  }
  return [
    {
      topic: 'check',
      tone: 'warning',
      text: 'It was not compared with its source before the push.',
      fix: `accelctl check --config FILE ${source} ${target ?? ''}`.trimEnd(),
    },
  ]
}
