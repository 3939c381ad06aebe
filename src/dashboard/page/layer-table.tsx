import type { ComponentChildren } from 'preact'
import type { WireLayer } from '../../api/contract.ts'
import { formatBytes, formatChange, formatRate, formatSpan, shortHex } from '../model/format.ts'
import { isFound } from '../model/timeline.ts'

interface LayerTableInit {
  layers: readonly WireLayer[]
  /** The task is at work on them. */
  running: boolean
}

/** Each layer with its sizes before and after, and how long it took. */
export function LayerTable({ layers, running }: LayerTableInit) {
  const several = new Set(layers.map(({ platform }) => platform)).size > 1
  return (
    <div class="scroll" role="region" aria-label="Table of layers" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">Layer</th>
            <Head>Before</Head>
            <Head>After</Head>
            <Head>Change</Head>
            <Head>Converted in</Head>
            <Head>Pushed in</Head>
            <th scope="col">State</th>
            <th scope="col">Source digest</th>
          </tr>
        </thead>
        <tbody>
          {layers.map((layer) => (
            <tr key={`${layer.platform} ${layer.index}`}>
              <th scope="row">
                {layer.index}
                {several && ` ${layer.platform}`}
              </th>
              <td class="number">{formatBytes(layer.size)}</td>
              <td class="number">{layer.written > 0 ? formatBytes(layer.written) : ''}</td>
              <td class="number">
                {isWritten(layer) ? formatChange(layer.size, layer.written) : ''}
              </td>
              <td class="number">{converted(layer)}</td>
              <td class="number">{span(layer.push_from, layer.push_to)}</td>
              <td>{stateOf(layer, running)}</td>
              <td>
                <code title={layer.digest}>{shortHex(layer.digest)}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Head({ children }: { children: ComponentChildren }) {
  return (
    <th scope="col" class="number">
      {children}
    </th>
  )
}

/** A smaller layer spends its time on waiting: it has no pace. */
const PACE_SIZE = 1_000_000

/** How long the conversion took, and how fast that was. */
function converted({ size, convert_from: from, convert_to: to }: WireLayer): string {
  if (from === undefined || to === undefined) return ''
  const ms = Date.parse(to) - Date.parse(from)
  return size < PACE_SIZE ? formatSpan(ms) : `${formatSpan(ms)}, ${formatRate((size * 1000) / ms)}`
}

function span(from: string | undefined, to: string | undefined): string {
  return from === undefined || to === undefined ? '' : formatSpan(Date.parse(to) - Date.parse(from))
}

function isWritten({ state, written }: WireLayer): boolean {
  return written > 0 && state !== 'waiting' && state !== 'converting'
}

function stateOf(layer: WireLayer, running: boolean): string {
  if (!running && layer.state === 'waiting') return 'not begun'
  if (!running && (layer.state === 'converting' || layer.state === 'pushing')) return 'broken off'
  return isFound(layer) ? `${layer.state}, from the cache` : layer.state
}
