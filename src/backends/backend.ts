import type { Dispatcher } from 'undici'
import { systemClock, type Clock } from '../network/clock.ts'
import { createGate } from '../network/gate.ts'
import type { RetryInit } from '../network/retry.ts'
import { undici } from '../network/undici.ts'
import type { BlobBackend } from '../transport/image-transport.ts'
import { createLocalfs } from './localfs.ts'
import { createObjectClient } from './object-client.ts'
import { createObjectStore } from './object-store.ts'
import { ossDialect } from './oss.ts'
import { s3Dialect } from './s3.ts'
import type { BackendSettings } from './settings.ts'

/** Settings of `openBackend`. */
export interface BackendInit {
  /** A blob that is there already is written again. @default false */
  force?: boolean
  /** Bytes of a part of a large object. @default 8 MiB */
  partSize?: number
  /** How often a request is tried. */
  retry?: RetryInit
  clock?: Clock
}

/** Parts in memory at a time, of all blobs together: 48 MiB, and as many connections. */
const PARTS_AT_ONCE = 6

const CONNECT_TIMEOUT_MS = 15_000
/** An idle connection is closed before S3 does, after some 5 s of keeping it. */
const KEEP_ALIVE_MS = 4_000

/**
 * Opens the place for blobs that `settings` name; nothing is contacted yet. Idle connections close by themselves and keep
 * no process alive.
 */
export function openBackend(settings: BackendSettings, init: BackendInit = {}): BlobBackend {
  const { force = false, clock = systemClock, retry = {}, partSize } = init
  if (settings.type === 'localfs') return createLocalfs({ dir: settings.dir, force })
  const dialect = settings.type === 's3' ? s3Dialect(settings) : ossDialect(settings)
  const client = createObjectClient(
    { dialect, dispatcher: connections(), clock },
    { userAgent: 'acceleration-service', retry },
  )
  return createObjectStore(
    { client, dialect, gate: createGate(PARTS_AT_ONCE) },
    { prefix: settings.prefix, force, ...(partSize === undefined ? {} : { partSize }) },
  )
}

function connections(): Dispatcher {
  return new (undici().Agent)({
    keepAliveTimeout: KEEP_ALIVE_MS,
    allowH2: false,
    connect: { timeout: CONNECT_TIMEOUT_MS },
  })
}
