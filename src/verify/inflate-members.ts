/** What a batch thread does to read back members of an eStargz or zstd:chunked layer. */
import { hash } from 'node:crypto'
import { inflateMember, type MemberFormat } from '../drivers/estargz/inflate-member.ts'

/** Members as stored, one behind the other in the input, and the parts of them whose digest is wanted. */
export interface StoredMembers {
  format: MemberFormat
  /** Bytes of each as stored. */
  stored: Uint32Array
  /** For each part, in order of the members: the member's number, where the part begins in it, and its bytes. */
  parts: Uint32Array
}

/** Values of a part in `parts`. */
export const PART_VALUES = 3

export interface InflatedMembers {
  /** Uncompressed bytes of each member; they lie one behind the other in the output. Fewer than there are where one is damaged, or finds no room. */
  sizes: Uint32Array
  /** sha256 of each part, 64 hex digits each; of one that its member does not have, that of what it has. */
  digests: string
}

/** Decompresses each member on its own, as far as they go, and digests the parts in them. */
export function run(
  { format, stored, parts }: StoredMembers,
  input: Uint8Array,
  output: Uint8Array,
): InflatedMembers {
  const sizes: number[] = []
  const starts: number[] = []
  let from = 0
  let end = 0
  for (const size of stored) {
    const filled = inflateMember(format, input.subarray(from, from + size), output.subarray(end))
    if (filled < 0) break
    from += size
    sizes.push(filled)
    starts.push(end)
    end += filled
  }
  let digests = ''
  for (let i = 0; i < parts.length; i += PART_VALUES) {
    const member = parts[i]!
    if (member >= sizes.length) break
    const start = starts[member]! + parts[i + 1]!
    digests += hash('sha256', output.subarray(start, start + parts[i + 2]!), 'hex')
  }
  return { sizes: Uint32Array.from(sizes), digests }
}
