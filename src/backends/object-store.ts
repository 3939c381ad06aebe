import type { Descriptor } from '../oci/descriptor.ts'
import { hexOf, type Digest } from '../oci/digest.ts'
import type { Gate } from '../network/gate.ts'
import { single } from '../network/exchange.ts'
import type { ByteSource } from '../streams/byte-source.ts'
import { verified } from '../streams/verified.ts'
import type {
  BlobBackend,
  BlobStoreInit,
  CallInit,
  PushedBlob,
} from '../transport/image-transport.ts'
import type { ObjectClient } from './object-client.ts'
import type { ObjectDialect } from './object-dialect.ts'
import { piecesOf } from './pieces.ts'
import { uploadInParts, type UploadTarget } from './part-upload.ts'

/** Settings of `createObjectStore`. */
export interface ObjectStoreInit {
  /** Stands before the hex digest in an object's name. */
  prefix: string
  /** An object that is there already is written again. */
  force: boolean
  /** Bytes of a part; a smaller blob is sent as one request. @default 8 MiB */
  partSize?: number
}

const MIB = 1024 * 1024

/** Bytes of a part, unless there would be too many. S3 wants 5 MiB at least, OSS 100 KiB. */
const PART_SIZE = 8 * MIB

/** Most parts of one object. Source: Amazon S3, "Multipart upload limits"; the same in OSS. */
const MAX_PARTS = 10_000

/**
 * Blobs as objects of a bucket, each under its hex digest behind a prefix. An object appears whole or not at all: as one
 * PUT, or by a multipart upload that is completed only after every byte was read and has the blob's digest.
 *
 * Memory: a part for each place of `gate`, which all blobs under way share; 8 MiB a part, for blobs above 80 GB a
 * 10,000th of the blob.
 */
export function createObjectStore(
  components: { client: ObjectClient; dialect: ObjectDialect; gate: Gate },
  init: ObjectStoreInit,
): BlobBackend {
  const { client, dialect, gate } = components
  const { prefix, force, partSize = PART_SIZE } = init

  async function pushBlob(
    descriptor: Descriptor,
    open: (offset: number) => ByteSource,
    call: BlobStoreInit = {},
  ): Promise<PushedBlob> {
    const { size, digest } = descriptor
    const target: UploadTarget = {
      ...objectOf(digest),
      size,
      partSize: size > partSize * MAX_PARTS ? Math.ceil(size / MAX_PARTS / MIB) * MIB : partSize,
      signal: call.signal,
      onProgress: call.onProgress,
    }
    if (!force && (await isStored(target, descriptor))) return 'exists'
    const source = verified(open(0), descriptor, `${target.what}, as it is to be sent`)
    if (size > target.partSize) {
      const stored = (): Promise<boolean> => isStored(target, descriptor)
      await uploadInParts({ client, dialect, gate, stored }, target, source)
    } else {
      await uploadWhole(target, source)
    }
    call.onProgress?.(size)
    return 'uploaded'
  }

  function objectOf(digest: Digest): Pick<UploadTarget, 'key' | 'what'> {
    return { key: prefix + hexOf(digest), what: `blob ${digest} in ${dialect.name}` }
  }

  /** What is told of an object, by the name of the header; undefined where there is none. */
  async function headOf(
    object: Pick<UploadTarget, 'key' | 'what' | 'signal'>,
  ): Promise<((name: string) => string | undefined) | undefined> {
    const headers = dialect.headHeaders
    const answer = await client.send({ ...object, method: 'HEAD', headers, expect: [200, 404] })
    return answer.status === 404 ? undefined : (name) => single(answer.headers[name])
  }

  /** Whether the object is there with the right size, and, where the store tells it, digest. Any other is damaged. */
  async function isStored(
    { key, what, signal }: UploadTarget,
    { size, digest }: Descriptor,
  ): Promise<boolean> {
    const header = await headOf({ key, what, signal })
    if (header?.('content-length') !== String(size)) return false
    const sha256 = dialect.storedSha256(header)
    return sha256 === undefined || sha256 === hexOf(digest)
  }

  async function sizeOf(digest: Digest, { signal }: CallInit = {}): Promise<number | undefined> {
    const header = await headOf({ ...objectOf(digest), signal })
    return header && Number(header('content-length') ?? 0)
  }

  async function uploadWhole(target: UploadTarget, source: ByteSource): Promise<void> {
    const { key, what, size, signal } = target
    const leave = await gate.enter(signal, what)
    try {
      // Read to its end, so that its digest is known to be right before a byte is sent.
      const [body = new Uint8Array()] = await Array.fromAsync(piecesOf(source, size))
      const { headers } = dialect.check(body)
      await client.send({ method: 'PUT', key, headers, body, expect: [200], what, signal })
    } finally {
      leave()
    }
  }

  return { name: dialect.name, pushBlob, sizeOf }
}
