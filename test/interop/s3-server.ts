/** Versity S3 Gateway: an S3 server in Go that keeps objects as files, on a free port of the loopback address. */
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Daemon, startDaemon } from './command.ts'
import { freePort } from './registry.ts'

/** A server with one bucket, until it is disposed of. */
export interface S3Server extends Daemon {
  /** `127.0.0.1:PORT`. */
  readonly address: string
  readonly account: { id: string; secret: string }
  readonly region: string
  readonly bucket: string
  /** Where the bucket's objects are, as files. */
  readonly objects: string
  /** Names of uploads in parts that were begun and neither completed nor aborted. */
  unfinished(): string[]
}

/** Starts a server that stores below `folder`. */
export async function startS3Server(folder: string): Promise<S3Server> {
  const [bucket, region] = ['blobs', 'eu-test-1']
  const account = { id: 'interop-account', secret: 'interop/secret+account' }
  const root = join(folder, 'root')
  const objects = join(root, bucket)
  mkdirSync(objects, { recursive: true })
  const address = `127.0.0.1:${await freePort()}`
  const identity = ['--access', account.id, '--secret', account.secret, '--region', region]
  const args = ['--port', address, ...identity, '--keep-alive', 'posix', root]
  const daemon = await startDaemon('versitygw', args, {
    log: join(folder, 's3.log'),
    ready: () =>
      fetch(`http://${address}/`).then(
        () => true,
        () => false,
      ),
  })
  return {
    ...daemon,
    address,
    account,
    region,
    bucket,
    objects,
    unfinished: () => uploadsIn(join(objects, '.sgwtmp', 'multipart')),
  }
}

function uploadsIn(folder: string): string[] {
  try {
    return readdirSync(folder).flatMap((object) => readdirSync(join(folder, object)))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
