import type { WireLayerResult, WireReport, WireTaskDetail } from '../api/contract.ts'
import { countOf, ended, listOf, type Sentence } from './sentence.ts'

/** What became of each layer: converted, found, kept, uploaded; and what was noticed on the way. */
export function layerSentences(
  { report }: WireTaskDetail,
  warnings: readonly string[],
): Sentence[] {
  if (report === undefined) return warnings.map(warning)
  const { layers } = report
  const ofLayers = [...keptLayers(layers), ...layerWarnings(layers)]
  const others = warnings.filter((text) => !ofLayers.some(({ why }) => text.endsWith(`: ${why}`)))
  return [
    { topic: 'layers', tone: 'plain', text: counts(layers) },
    ...ofLayers.map(({ text }) => warning(text)),
    ...others.map(warning),
    ...pushes(layers),
    ...members(report),
  ]
}

function counts(layers: readonly WireLayerResult[]): string {
  const converted = layers.filter((layer) => layer.kept === undefined)
  const number = (found: WireLayerResult['found']): number =>
    converted.filter((layer) => layer.found === found).length
  const ways: [number, string][] = [
    [number(undefined), 'converted'],
    [number('store'), 'found converted in work_dir'],
    [number('cache'), 'found converted in the remote cache'],
    [layers.length - converted.length, 'kept unconverted'],
  ]
  const platforms = new Set(layers.map(({ platform }) => platform))
  const of = platforms.size > 1 ? ` of ${platforms.size} platforms` : ''
  return `${countOf(layers.length, 'layer')}${of}: ${shares(ways)}.`
}

/** `2 were converted and 1 was kept`. */
function shares(ways: readonly [number, string][]): string {
  const parts = ways.filter(([number]) => number > 0)
  return listOf(parts.map(([number, what]) => `${number} ${number === 1 ? 'was' : 'were'} ${what}`))
}

/** What is said of some layers, and why. */
interface Remark {
  text: string
  why: string
}

function keptLayers(layers: readonly WireLayerResult[]): Remark[] {
  return remarks(
    layers,
    ({ kept }) => (kept === undefined ? [] : [kept]),
    (named, why, several) =>
      several
        ? `${named} are in the result as they were, so they are pulled as a whole before a container starts: ${why}`
        : `${named} is in the result as it was, so it is pulled as a whole before a container starts: ${why}`,
  )
}

function layerWarnings(layers: readonly WireLayerResult[]): Remark[] {
  return remarks(
    layers,
    ({ warnings = [] }) => warnings,
    (named, why) => `${named}: ${why}`,
  )
}

/** What is said of layers, once for all of which the same is said. */
function remarks(
  layers: readonly WireLayerResult[],
  saidOf: (layer: WireLayerResult) => readonly string[],
  say: (named: string, why: string, several: boolean) => string,
): Remark[] {
  const reasons = new Set(layers.flatMap(saidOf))
  return [...reasons].map((why) => {
    const those = layers.filter((layer) => saidOf(layer).includes(why))
    return { why, text: say(namesOf(those, layers), why, those.length > 1) }
  })
}

/** `Layer 3`, `Layers 1, 2 and 4`; with the platform where there are several. */
export function namesOf(
  those: readonly WireLayerResult[],
  all: readonly WireLayerResult[],
): string {
  const several = new Set(all.map(({ platform }) => platform)).size > 1
  const names = those.map(({ index, platform }) => `${index}${several ? ` of ${platform}` : ''}`)
  return `${those.length === 1 ? 'Layer' : 'Layers'} ${listOf(names)}`
}

function pushes(layers: readonly WireLayerResult[]): Sentence[] {
  const pushed = layers.filter(({ push }) => push !== undefined)
  if (pushed.length === 0) return []
  const number = (push: WireLayerResult['push']): number =>
    pushed.filter((layer) => layer.push === push).length
  const ways: [number, string][] = [
    [number('uploaded'), 'uploaded'],
    [number('exists'), 'in the repository already'],
    [number('mounted'), 'mounted from another repository'],
  ]
  const text = `Of ${countOf(pushed.length, 'blob')} ${shares(ways)}.`
  return [{ topic: 'layers', tone: 'plain', text }]
}

function members({ kept }: WireReport): Sentence[] {
  const reasons = [...new Set(kept.map(({ reason }) => reason))]
  return reasons.map((reason) => {
    const number = kept.filter((member) => member.reason === reason).length
    const are = number === 1 ? 'is' : 'are'
    const text = `${countOf(number, 'member')} of the index ${are} in the result as before: ${ended(reason)}`
    return { topic: 'layers', tone: 'plain', text }
  })
}

function warning(text: string): Sentence {
  return { topic: 'layers', tone: 'warning', text: ended(text) }
}
