/**
 * Runs the embedded registry for the soak, in a process of its own that is not killed: says where it is, tells acceld
 * of pushes until acceld has taken them, and reports in the end what was asked of it.
 */
import { startTestRegistry } from '../../src/testing/registry/test-registry.ts'
import type { RequestKind } from '../../src/testing/registry/route.ts'
import { ACCOUNTS, AUTH_HEADER, type RegistryReport, type RegistryStarted } from './registry.ts'

/** Requests that may end an upload: then they have its digest in the query, and are answered 201. */
const uploads: RequestKind[] = ['POST upload', 'PUT upload']

process.on('SIGINT', () => undefined)

const [, , webhookUrl = ''] = process.argv
const registry = await startTestRegistry({
  auth: { kind: 'bearer', users: ACCOUNTS },
  // acceld is away for a while again and again; Harbor's pauses are longer
  webhooks: [{ url: webhookUrl, authHeader: AUTH_HEADER, attempts: 1000, pausesMs: [150] }],
})
process.once('disconnect', () => void registry.close())
process.on('message', () => {
  void registry.deliveries().then((deliveries) => {
    const report: RegistryReport = {
      deliveries: deliveries.length,
      undelivered: deliveries.filter(({ delivered }) => !delivered).length,
      requests: registry
        .requests(({ kind }) => uploads.includes(kind) || kind === 'GET blob')
        .map(({ kind, repository = '', reference = '', query, user = '', status = 0 }) => ({
          kind: uploads.includes(kind) ? 'upload' : 'pull',
          repository,
          digest: uploads.includes(kind) ? (query['digest'] ?? '') : reference,
          user,
          status,
        })),
    }
    process.send?.(report)
  })
})
const started: RegistryStarted = { host: registry.host }
process.send?.(started)
