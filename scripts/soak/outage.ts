/**
 * `npm run soak:outage`: a registry that is gone, or silent, in the middle of a pull and of a push, and tokens that
 * expire while a large layer is pulled and pushed. Each time the result must be the one of a conversion that nothing disturbs.
 * Some minutes; `--seconds N` of the outage (default 75), `--size MIB` of the layer (default 256), `--token-size MIB` (default
 * 1024), `--token N` seconds that tokens live (default 5), `--only WORDS` of a case's name. Ends with 1 when anything is not as it must be.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs, promisify } from 'node:util'
import { pushBuilt } from '../../src/testing/image-builder.ts'
import type { TestRegistryInit } from '../../src/testing/registry/init.ts'
import type { RequestKind } from '../../src/testing/registry/route.ts'
import { startTestRegistry, type TestRegistry } from '../../src/testing/registry/test-registry.ts'
import { largeImage, packImage } from '../bench/synthetic-image.ts'
import { root } from '../source-tree.ts'
import { Gateway } from './gateway.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '75' },
    size: { type: 'string', default: '256' },
    'token-size': { type: 'string', default: '1024' },
    token: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
  },
})
const MIB = 1024 * 1024
const REPOSITORY = 'outage/app'
const ACCOUNT = { user: 'converter', secret: 's3cret' }
const outageMs = Number(values.seconds) * 1000
const say = (line: string): void => void process.stdout.write(`${line}\n`)

interface Case {
  name: string
  /** Bytes of the layer. */
  size: number
  registry?: TestRegistryInit
  /** Of the gateway, bytes per second. */
  speed?: number
  /** What happens once a request of these kinds has moved a quarter of the layer. */
  during?: { kinds: RequestKind[]; disturb: (gateway: Gateway) => Promise<void> }
}

const PULL: RequestKind[] = ['GET blob']
const PUSH: RequestKind[] = ['PUT upload', 'PATCH upload']
const size = Number(values.size) * MIB
const gone = (gateway: Gateway): Promise<void> => gateway.away(outageMs)
const silent = (gateway: Gateway): Promise<void> => gateway.silent(outageMs)
const cases: Case[] = [
  { name: 'undisturbed', size },
  { name: 'gone during the pull', size, during: { kinds: PULL, disturb: gone } },
  { name: 'silent during the pull', size, during: { kinds: PULL, disturb: silent } },
  { name: 'gone during the push', size, during: { kinds: PUSH, disturb: gone } },
  { name: 'silent during the push', size, during: { kinds: PUSH, disturb: silent } },
  {
    name: 'expiring tokens',
    size: Number(values['token-size']) * MIB,
    speed: 40 * MIB,
    registry: {
      auth: {
        kind: 'bearer',
        users: { [ACCOUNT.user]: ACCOUNT.secret },
        expiresIn: Number(values.token),
      },
    },
  },
]

/** Digests of results by the size of the layer: the same image gives the same result. */
const results = new Map<number, string>()
const findings: string[] = []
for (const one of cases.filter(({ name }) => name.includes(values.only))) {
  const began = performance.now()
  const problems = await run(one)
  const seconds = ((performance.now() - began) / 1000).toFixed(0)
  say(`${one.name}: ${problems.length === 0 ? 'right' : 'WRONG'} after ${seconds} s`)
  for (const problem of problems) say(`  ${problem}`)
  findings.push(...problems)
}
process.exitCode = findings.length === 0 ? 0 : 1

/** What was not as it must be, in sentences. */
async function run({ size: bytes, registry: init = {}, speed, during }: Case): Promise<string[]> {
  const directory = await mkdtemp(join(tmpdir(), 'outage-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rm(directory, { recursive: true, force: true }))
  const registry = await startTestRegistry(init)
  stack.defer(() => registry.close())
  const gateway = stack.use(
    await Gateway.open({ to: registry.host, ...(speed === undefined ? {} : { speed }) }),
  )
  const { signal } = new AbortController()
  const { image } = await packImage(largeImage(bytes), directory, { signal })
  await pushBuilt(image, registry.repository(REPOSITORY), { tag: 'v1' })
  const converted = convert(directory, gateway.host)
  if (during !== undefined) {
    await Promise.race([moved(registry, during.kinds, bytes / 4), converted])
    await during.disturb(gateway)
  }
  const { code, output } = await converted
  if (code !== 0)
    return [`accelctl convert ended with ${code}: ${output.trim().split('\n').at(-1)}`]
  const problems: string[] = []
  const target = registry.manifest(REPOSITORY, 'v1-c')?.digest
  if (target === undefined) problems.push('there is no result')
  else if ((results.get(bytes) ?? target) !== target) problems.push(`the result is ${target}`)
  else results.set(bytes, target)
  if (registry.openUploads() > 0) problems.push(`${registry.openUploads()} uploads are left open`)
  const tokens = registry.requests('GET token').length + registry.requests('POST token').length
  if (tokens > 0) say(`  ${tokens} tokens were given out`)
  return problems
}

/** Resolves once one request of these kinds has moved so many bytes. */
async function moved(registry: TestRegistry, kinds: RequestKind[], bytes: number): Promise<void> {
  const enough = () =>
    registry.requests(
      ({ kind, bytesIn, bytesOut }) => kinds.includes(kind) && bytesIn + bytesOut > bytes,
    )
  while (enough().length === 0) await pause(20)
}

async function convert(folder: string, host: string): Promise<{ code: number; output: string }> {
  const config = join(folder, 'config.yaml')
  const auth = Buffer.from(`${ACCOUNT.user}:${ACCOUNT.secret}`).toString('base64')
  // JSON is YAML.
  await writeFile(
    config,
    JSON.stringify({
      provider: { source: { [host]: { auth } }, work_dir: join(folder, 'work') },
      converter: { driver: { type: 'estargz' }, rules: [{ tag_suffix: '-c' }] },
    }),
  )
  const call = [join(root, 'bin/accelctl.js'), 'convert', '--config', config]
  const run = promisify(execFile)(process.execPath, [...call, `${host}/${REPOSITORY}:v1`])
  return run.then(
    ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      output: error.stdout + error.stderr,
    }),
  )
}
