/** A whole daemon of one test, in this process: real conversions, a real database, a registry that the test scripts. */
import { join } from 'node:path'
import { CONVERSIONS_PATH, type WireTask } from '../../api/contract.ts'
import { parseConfig } from '../../config/load.ts'
import { openConversionService } from '../../convert/service.ts'
import { startDaemon } from '../../daemon/daemon.ts'
import { createLog } from '../../log/log.ts'
import { createRedaction } from '../../log/redaction.ts'

/** The `Authorization` of requests to a test daemon. */
export const DAEMON_HEADER = 'Bearer test'

export interface TestDaemonInit {
  workDir: string
  /** `host:port` of the registry, and the account of the service there. */
  registry: string
  account?: { username: string; password: string }
  /** Keys of `converter`, in YAML: `retry_pause: 1, worker: 2`. */
  converter?: string
  /** Keys of `provider`, in the same way. */
  provider?: string
}

export interface TestDaemon extends AsyncDisposable {
  /** What a webhook posts to. */
  readonly url: string
  /** Lines of the log so far. */
  readonly lines: string[]
  /** Asks for the conversion of an image; with `sync`, until it has ended. */
  push(reference: string, init?: { digest?: string; sync?: boolean }): Promise<Response>
  tasks(): Promise<WireTask[]>
  /** Resolves when every task has ended. */
  idle(): Promise<WireTask[]>
}

/** Starts it, on a free port of 127.0.0.1. */
export async function startTestDaemon(init: TestDaemonInit): Promise<TestDaemon> {
  const { username, password } = init.account ?? {}
  const auth =
    username === undefined
      ? ''
      : `auth: ${Buffer.from(`${username}:${password}`).toString('base64')}, `
  const { config } = parseConfig(
    `server: { host: 127.0.0.1, port: 0 }
provider:
  source: { "${init.registry}": { ${auth}webhook: { auth_header: ${DAEMON_HEADER} } } }
  work_dir: ${JSON.stringify(join(init.workDir))}
  ${init.provider ?? ''}
converter: { ${init.converter ?? 'worker: 2'}, driver: { type: estargz, config: { docker2oci: true } }, rules: [{ tag_suffix: -esgz }] }
`,
    'test.yaml',
  )
  const lines: string[] = []
  const redaction = createRedaction()
  const log = createLog({ write: (line) => lines.push(line), redaction })
  const openConversions = () => openConversionService(config, { log })
  const daemon = await startDaemon({ config, log, redaction, openConversions })
  const url = `http://127.0.0.1:${daemon.port}${CONVERSIONS_PATH}`
  const headers = { authorization: DAEMON_HEADER, 'content-type': 'application/json' }
  const tasks = async (): Promise<WireTask[]> =>
    (await (await fetch(url, { headers })).json()) as WireTask[]
  return {
    url,
    lines,
    push(reference, { digest, sync = false } = {}) {
      const resources = [{ resource_url: reference, ...(digest === undefined ? {} : { digest }) }]
      const body = JSON.stringify({ type: 'PUSH_ARTIFACT', event_data: { resources } })
      return fetch(sync ? `${url}?sync=true` : url, { method: 'POST', headers, body })
    },
    tasks,
    async idle() {
      for (;;) {
        const all = await tasks()
        if (all.every(({ status }) => status !== 'PROCESSING')) return all
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    },
    [Symbol.asyncDispose]: () => daemon.stop(),
  }
}
