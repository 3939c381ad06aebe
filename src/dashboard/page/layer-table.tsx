import type { WireLayer } from '../../api/contract.ts'
import { formatBytes, formatChange, shortDigest } from '../model/format.ts'

/** Each layer with its sizes before and after. */
export function LayerTable({ layers }: { layers: readonly WireLayer[] }) {
  const platforms = new Set(layers.map(({ platform }) => platform))
  return (
    <div class="scroll" role="region" aria-label="Table of layers" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">Layer</th>
            <th scope="col">Source</th>
            <th scope="col" class="number">
              Before
            </th>
            <th scope="col" class="number">
              After
            </th>
            <th scope="col">Change</th>
            <th scope="col">State</th>
          </tr>
        </thead>
        <tbody>
          {layers.map((layer) => (
            <tr key={`${layer.platform} ${layer.index}`}>
              <th scope="row">
                {layer.index}
                {platforms.size > 1 && ` ${layer.platform}`}
              </th>
              <td>
                <code title={layer.digest}>{shortDigest(layer.digest)}</code>
              </td>
              <td class="number">{formatBytes(layer.size)}</td>
              <td class="number">{layer.written > 0 ? formatBytes(layer.written) : ''}</td>
              <td>{isWritten(layer) ? formatChange(layer.size, layer.written) : ''}</td>
              <td>{stateOf(layer)}</td>
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

function stateOf({ state, convert_from, convert_to, written, pushed }: WireLayer): string {
  const cached = convert_from === undefined && convert_to !== undefined
  const there = state === 'pushed' && pushed < written
  return [state, ...(cached ? ['converted before'] : []), ...(there ? ['was there'] : [])].join(
    ', ',
  )
}
