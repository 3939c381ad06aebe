import { hash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { crc32c } from '../bytes/crc32c.ts'

/** What an S3 server checks the bytes of a request with, as `checksum_algorithm` names it. */
export const CHECKSUMS = ['CRC32', 'CRC32C', 'SHA1', 'SHA256'] as const
export type Checksum = (typeof CHECKSUMS)[number]

/** The checksum of `bytes` in base64, CRCs most significant byte first. Source: Amazon S3, "Checking object integrity". */
export function checksumOf(checksum: Checksum, bytes: Uint8Array): string {
  switch (checksum) {
    case 'CRC32':
      return word(crc32(bytes))
    case 'CRC32C':
      return word(crc32c(bytes))
    case 'SHA1':
      return hash('sha1', bytes, 'base64')
    case 'SHA256':
      return hash('sha256', bytes, 'base64')
  }
}

function word(value: number): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes.toString('base64')
}
