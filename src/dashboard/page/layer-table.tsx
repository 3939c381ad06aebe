import type { WireLayer } from '../../api/contract.ts'
import { formatBytes, formatChange, shortDigest } from '../model/format.ts'
import { isFound } from '../model/timeline.ts'

/** Each layer with its sizes before and after. */
export function LayerTable({ layers }: { layers: readonly WireLayer[] }) {
  const platforms = new Set(layers.map(({ platform }) => platform))
  return (
    <div class="scroll" role="region" aria-label="Table of layers" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">Layer</th>
            <th scope="col" class="number">
              Before
            </th>
            <th scope="col" class="number">
              After
            </th>
            <th scope="col">Change</th>
            <th scope="col">State</th>
            <th scope="col">Digest before</th>
          </tr>
        </thead>
        <tbody>
          {layers.map((layer) => (
            <tr key={`${layer.platform} ${layer.index}`}>
              <th scope="row">
                {layer.index}
                {platforms.size > 1 && ` ${layer.platform}`}
              </th>
              <td class="number">{formatBytes(layer.size)}</td>
              <td class="number">{layer.written > 0 ? formatBytes(layer.written) : ''}</td>
              <td>{isWritten(layer) ? formatChange(layer.size, layer.written) : ''}</td>
              <td>{stateOf(layer)}</td>
              <td>
                <code title={layer.digest}>{shortDigest(layer.digest)}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function isWritten({ state, written }: WireLayer): boolean {
  return written > 0 && state !== 'waiting' && state !== 'converting'
}

function stateOf(layer: WireLayer): string {
  return isFound(layer) ? `${layer.state}, converted already` : layer.state
}
