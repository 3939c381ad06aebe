import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import type { Server } from 'node:https'
import { createSecureContext } from 'node:tls'
import type { Config } from '../config/schema.ts'
import { unreadableFile } from '../config/text-file.ts'
import { AccelError } from '../errors/accel-error.ts'
import type { Log } from '../log/log.ts'

/** What a TLS listener shows and signs with, PEM. */
export interface TlsIdentity {
  cert: Buffer
  key: Buffer
}

/**
 * The certificate and key of `server.tls`; undefined where neither file is named. Throws CONFIG_UNREADABLE, naming the
 * file, when one is missing, cannot be read or is not what it should be, or when the two do not belong together.
 */
export function readTlsIdentity({
  certFile,
  keyFile,
}: Config['server']['tls']): TlsIdentity | undefined {
  if (certFile === '' && keyFile === '') return undefined
  if (keyFile === '') throw unreadable(certFile, 'server.tls.key_file is not set')
  if (certFile === '') throw unreadable(keyFile, 'server.tls.cert_file is not set')
  const cert = read(certFile)
  const key = read(keyFile)
  check(certFile, 'it holds no certificate in PEM', () => createSecureContext({ cert }))
  check(keyFile, 'it holds no private key in PEM without a password', () =>
    createSecureContext({ key }),
  )
  check(keyFile, `it is not the key of the certificate in ${certFile}`, () =>
    createSecureContext({ cert, key }),
  )
  return { cert, key }
}

/**
 * Gives `server` another certificate when the files have changed, as they do when one is renewed; what stands goes on
 * with the old. Files that cannot be used are logged, and the old certificate stays. Returns what ends the watching.
 */
export function followTlsFiles(
  server: Pick<Server, 'setSecureContext'>,
  files: Config['server']['tls'],
  { log, everyMs }: { log: Log; everyMs: number },
): () => void {
  const { certFile, keyFile } = files
  const onChange = (): void => {
    try {
      const identity = readTlsIdentity(files)
      if (identity === undefined) return
      server.setSecureContext(identity)
      log.info(`the certificate was read again from ${certFile}`)
    } catch (error) {
      log.warn('the certificate has changed and cannot be used; the old one stays', { error })
    }
  }
  // by looking from time to time: a watch would miss the exchange of a symbolic link's target
  for (const file of [certFile, keyFile]) {
    watchFile(file, { interval: everyMs, persistent: false }, onChange)
  }
  return () => {
    for (const file of [certFile, keyFile]) unwatchFile(file, onChange)
  }
}

function read(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw unreadableFile(file, cause)
  }
}

function check(file: string, problem: string, attempt: () => unknown): void {
  try {
    attempt()
  } catch (cause) {
    throw unreadable(file, problem, cause)
  }
}

function unreadable(file: string, problem: string, cause?: unknown): AccelError {
  return new AccelError('CONFIG_UNREADABLE', { file, problem }, { cause })
}
