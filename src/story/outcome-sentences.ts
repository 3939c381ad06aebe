import type { WireProgress, WireTaskDetail } from '../api/contract.ts'
import { formatSize } from '../quantity/quantity.ts'
import { countOf, ended, type Sentence, type Tone } from './sentence.ts'

/** Formats by the driver that makes them; a driver of somebody else has its own name. */
const formats: Readonly<Record<string, string>> = {
  estargz: 'eStargz',
  zstdchunked: 'zstd:chunked',
  nydus: 'Nydus',
}

/** What became of a task, and what is to be done about it. */
export function outcomeSentences(task: WireTaskDetail): Sentence[] {
  switch (task.state) {
    case 'waiting':
      return waiting(task)
    case 'running':
      return running(task)
    case 'completed':
      return completed(task)
    case 'failed':
      return failed(task)
    case 'cancelled':
      return [say('warning', `The conversion of ${task.source} was cancelled.`), again(task)]
    case 'superseded':
      return [say('plain', `${ended(task.reason)} What it names now is converted by another task.`)]
  }
}

function waiting({ source, next_attempt: next, reason, remedy, attempts }: WireTaskDetail) {
  if (next !== undefined && reason === '') {
    const text = `${source} waits: the service died often while it ran. The next run begins at ${clock(next)}, so that others get their turn.`
    return [say('warning', text)]
  }
  if (next === undefined) {
    const text = `${source} waits in line: all workers are busy, or a task for the same target or the same image runs.`
    return [say('plain', text)]
  }
  const text = `Attempt ${attempts} to convert ${source} failed: ${ended(reason)} The next one begins at ${clock(next)}.`
  return [say('warning', text, remedy)]
}

function running({ source, progress, attempts }: WireTaskDetail): Sentence[] {
  const attempt = attempts > 1 ? ` It is attempt ${attempts}.` : ''
  const text = `${source} is being converted${progress === undefined ? '' : where(progress)}.${attempt}`
  return [say('plain', text)]
}

function where(progress: WireProgress): string {
  const { phase, layers, layers_done: done, source_bytes: source, read_bytes: read } = progress
  if (phase === 'pull') return ': its manifests are read'
  if (phase === 'disk') return ': it waits until other conversions have left room in work_dir'
  if (phase === 'push') return `: ${formatSize(progress.pushed_bytes)} of the result are pushed`
  return `: ${done} of ${countOf(layers, 'layer')} are done, ${formatSize(read)} of ${formatSize(source)} are read`
}

function completed(task: WireTaskDetail): Sentence[] {
  const { source, target, rule, report, reason, skipped, reused } = task
  const digest = task.target_digest === undefined ? '' : ` (${task.target_digest})`
  const by = rule === undefined ? '' : ` by the rule ${rule}`
  if (skipped) {
    const fix = `accelctl explain --config FILE ${source}`
    return [say('plain', `${source} was not converted: ${ended(reason)}`, fix)]
  }
  if (reused) {
    const text = `Nothing had to be converted: an earlier result of the same image was found, and ${target} names it now${digest}.`
    return [say('good', text)]
  }
  const to = report === undefined ? '' : ` to ${formats[report.driver] ?? report.driver}`
  return [
    say('good', `${source} was converted${to}${by}. The result is ${target}${digest}.`),
    readers(target ?? source),
  ]
}

function readers(target: string): Sentence {
  const text = 'How clients read it, and what they must be told, is another question.'
  return { topic: 'next', tone: 'plain', text, fix: `accelctl explain --config FILE ${target}` }
}

function failed(task: WireTaskDetail): Sentence[] {
  const { source, reason, code, remedy, causes = [], attempts } = task
  const tries = attempts > 1 ? ` after ${attempts} attempts` : ''
  const what = code === undefined ? '' : ` (${code})`
  const text = `The conversion of ${source} failed${tries}: ${ended(reason)}`
  return [
    say('problem', `${text.replace(/\.$/, '')}${what}.`, remedy),
    ...causes.map((cause): Sentence => {
      return { topic: 'cause', tone: 'plain', text: `Behind that: ${ended(cause)}` }
    }),
    ...(code?.startsWith('REGISTRY_') === true ? [doctor(source)] : []),
    again(task),
  ]
}

/** What the registry lets us do is tested there, permission by permission. */
function doctor(source: string): Sentence {
  const text = 'Which permission or setting is missing can be tested.'
  return { topic: 'next', tone: 'plain', text, fix: `accelctl doctor --config FILE ${source}` }
}

function again({ id }: WireTaskDetail): Sentence {
  const text = 'It can be tried again, with all its attempts.'
  return { topic: 'next', tone: 'plain', text, fix: `accelctl task retry ${id}` }
}

function say(tone: Tone, text: string, fix?: string): Sentence {
  return { topic: 'outcome', tone, text, ...(fix === undefined ? {} : { fix }) }
}

function clock(time: string): string {
  return `${time.slice(11, 19)} UTC`
}
