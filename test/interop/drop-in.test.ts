/** The service in the place of the Go one: its own client works with ours, and a real registry calls it. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { root } from '../../scripts/source-tree.ts'
import { createServiceClient } from '../../src/api/client.ts'
import { buildImage, buildLayer } from '../../src/testing/image-builder.ts'
import { testTar } from '../../src/testing/tar-builder.ts'
import { CommandError, findProgram, output, startDaemon, type Daemon } from './command.ts'
import { stateFolder } from './programs.ts'
import { freePort, layersOf, pushImage, startRegistry } from './registry.ts'

mkdirSync(stateFolder, { recursive: true })
const state = mkdtempSync(join(stateFolder, 'drop-in-'))
after(() => rmSync(state, { recursive: true, force: true }))

/** The Go service's command line, which is built by hand: docs/interop.md. */
const upstream = process.env.UPSTREAM_ACCELCTL ?? findProgram('upstream-accelctl')

const lackingRegistry =
  findProgram('docker-registry') === undefined ? 'not installed: docker-registry' : undefined
const lackingUpstream =
  upstream === undefined
    ? 'no upstream-accelctl in PATH and no UPSTREAM_ACCELCTL; see docs/interop.md'
    : lackingRegistry

/** acceld as a program, at `address`, that converts images of `registry` for whoever asks. */
async function startAcceld(address: string, registry: string, header?: string): Promise<Daemon> {
  const [host, port] = address.split(':')
  const folder = mkdtempSync(join(state, 'acceld-'))
  const webhook = header === undefined ? '' : `, webhook: { auth_header: ${header} }`
  writeFileSync(
    join(folder, 'config.yaml'),
    `server: { host: ${host}, port: ${port}, allow_unauthenticated: ${header === undefined} }
provider:
  source: { "${registry}": { plain_http: true${webhook} } }
  work_dir: ${join(folder, 'work')}
converter: { worker: 1, driver: { type: estargz }, rules: [{ tag_suffix: -esgz }] }
`,
  )
  const program = join(root, 'bin/acceld.js')
  return startDaemon(process.execPath, [program, '--config', join(folder, 'config.yaml')], {
    log: join(folder, 'acceld.log'),
    ready: () =>
      fetch(`http://${address}/api/v1/health`).then(
        (answer) => answer.ok,
        () => false,
      ),
  })
}

const image = () =>
  buildImage({ layers: [buildLayer(testTar().file('etc/motd', Buffer.from('hello\n')).bytes())] })

suite('the accelctl of the Go service', { skip: lackingUpstream }, () => {
  test('creates tasks, waits for them and lists them', async () => {
    await using registry = await startRegistry(mkdtempSync(join(state, 'registry-')))
    const address = `127.0.0.1:${await freePort()}`
    await using acceld = await startAcceld(address, registry.address)
    const source = await pushImage(registry.address, 'library/nginx', image())
    const accelctl = (...argv: string[]): Promise<string> =>
      output(upstream ?? '', ['task', '--addr', address, ...argv])
    await accelctl('create', '--sync', source)
    const converted = `${source}-esgz`
    const [layer] = await layersOf(converted)
    assert.ok(layer?.annotations?.['containerd.io/snapshot/stargz/toc.digest'], acceld.log)
    await accelctl('create', source)
    const table = await accelctl('list')
    const [head = '', ...rows] = table.trimEnd().split('\n')
    assert.deepEqual(head.split(/\s+/), ['ID', 'CREATED', 'STATUS', 'SOURCE', 'REASON'])
    assert.ok(rows.some((row) => row.split(/\s+/)[3] === 'COMPLETED' && row.includes(source)))
    // a conversion that fails is a failure of the command, with the reason
    const missing = `${registry.address}/library/none:1`
    await assert.rejects(accelctl('create', '--sync', missing), (error) => {
      assert.ok(error instanceof CommandError)
      assert.match(error.stderr, /service response: .*library\/none/)
      return true
    })
    await assert.rejects(accelctl('create', 'elsewhere.example/a:1'), /is not configured/)
    assert.match(await accelctl('ls'), /FAILED/)
  })
})

suite('Docker Distribution', { skip: lackingRegistry }, () => {
  test('tells of a push, and the image is converted', async () => {
    const address = `127.0.0.1:${await freePort()}`
    await using registry = await startRegistry(mkdtempSync(join(state, 'registry-')), {
      notifications: {
        endpoints: [
          {
            name: 'acceld',
            url: `http://${address}/api/v1/conversions`,
            headers: { Authorization: ['Bearer s3cret'] },
            timeout: '1s',
            threshold: 5,
            backoff: '1s',
          },
        ],
      },
    })
    await using acceld = await startAcceld(address, registry.address, 'Bearer s3cret')
    const source = await pushImage(registry.address, 'library/app', image())
    const client = createServiceClient({ address, authorization: 'Bearer s3cret' })
    const ended = async (): Promise<string[]> =>
      (await client.listTasks())
        .filter(({ status }) => status !== 'PROCESSING')
        .map((task) => `${task.source} ${task.status}`)
    while ((await ended()).length === 0) await new Promise((resolve) => setTimeout(resolve, 50))
    assert.ok((await ended()).includes(`${source} COMPLETED`), acceld.log)
    assert.ok((await layersOf(`${source}-esgz`)).length > 0)
  })
})
