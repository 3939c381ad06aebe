import type { Fail, TarFault } from './fault.ts'
import type { Text } from './field.ts'
import { paxCount, paxText } from './pax-value.ts'
import type { PaxRecord } from './pax-xattr.ts'

/** The prefix of the records that describe a sparse file, in GNU's formats 0.0, 0.1 and 1.0. */
export const GNU_SPARSE = 'GNU.sparse.'

/** What those records say. */
export interface PaxSparse {
  major?: string
  minor?: string
  name?: Text
  size?: number
  /** Offsets and lengths in turn, as the records `offset` and `numbytes` (0.0) or `map` (0.1) list them. */
  map?: number[]
}

/** Decodes a record whose key begins with `GNU.sparse.`; `numblocks` says nothing that the map does not. */
export function decodePaxSparse(
  key: string,
  record: PaxRecord,
  sparse: PaxSparse,
  fail: Fail,
  fault: TarFault,
): void {
  const { bytes, start, end } = record
  const number = () => paxCount(bytes, start, end, key, Number.MAX_SAFE_INTEGER, fail)
  switch (key.slice(GNU_SPARSE.length)) {
    case 'major':
      sparse.major = bytes.toString('latin1', start, end)
      return
    case 'minor':
      sparse.minor = bytes.toString('latin1', start, end)
      return
    case 'name':
      sparse.name = paxText(bytes, start, end, key, fail)
      return
    case 'size':
    case 'realsize':
      sparse.size = number()
      return
    case 'offset':
    case 'numbytes': {
      const map = (sparse.map ??= [])
      if (map.length % 2 !== (key.endsWith('offset') ? 0 : 1)) {
        fail(0, 'the sparse map of a PAX header does not have offset and numbytes in turn')
      }
      map.push(number())
      fault.check('sparseExtents', map.length / 2, 'a sparse file, extents')
      return
    }
    case 'map':
      sparse.map = decodeMap(key, record, fail, fault)
  }
}

/** `offset,length,offset,length…` */
function decodeMap(key: string, record: PaxRecord, fail: Fail, fault: TarFault): number[] {
  const { bytes, end } = record
  const map: number[] = []
  for (let at = record.start; at < end;) {
    const comma = bytes.indexOf(0x2c, at)
    const stop = comma === -1 || comma > end ? end : comma
    map.push(paxCount(bytes, at, stop, key, Number.MAX_SAFE_INTEGER, fail))
    fault.check('sparseExtents', map.length / 2, 'a sparse file, extents')
    at = stop + 1
  }
  return map
}
