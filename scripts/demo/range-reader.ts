import type { ReadAt } from '../../src/formats/estargz/read.ts'
import type { Digest } from '../../src/oci/digest.ts'

export interface RangeReaderInit {
  /** `http://host:port`. */
  registry: string
  repository: string
  digest: Digest
  headers: Record<string, string>
  signal: AbortSignal
}

/** Reads a blob by HTTP Range requests, one for each call. The calls reject when the registry answers anything else. */
export function rangeReader(init: RangeReaderInit): ReadAt {
  const { registry, repository, digest, headers, signal } = init
  const url = `${registry}/v2/${repository}/blobs/${digest}`
  return async (offset, length) => {
    const range = `bytes=${offset}-${offset + length - 1}`
    const answer = await fetch(url, { headers: { ...headers, Range: range }, signal })
    const bytes = new Uint8Array(await answer.arrayBuffer())
    if (answer.status !== 206 || bytes.length !== length) {
      throw new Error(`${url}: ${range} was answered with ${answer.status}, ${bytes.length} bytes`)
    }
    return bytes
  }
}
