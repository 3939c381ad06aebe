import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { digestOf } from '../../oci/digest.ts'
import { OCI_INDEX, OCI_MANIFEST } from '../../oci/media-type.ts'
import { buildImage, buildIndex } from '../image-builder.ts'
import { startTestRegistry, type TestRegistry } from './test-registry.ts'

interface Received {
  url: string | undefined
  headers: IncomingHttpHeaders
  body: string
}

/** Keeps what it receives; answers with the given statuses, then 200. */
async function receiver(...statuses: number[]) {
  const received: Received[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (text: string) => (body += text))
    request.on('end', () => {
      received.push({ url: request.url, headers: request.headers, body })
      response.writeHead(statuses.shift() ?? 200).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    received,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1/conversions?x=y`,
    [Symbol.dispose]: () => void server.close(),
  }
}

async function put(registry: TestRegistry, reference: string, bytes: Uint8Array, type: string) {
  const response = await fetch(`${registry.url}/v2/demo/team/app/manifests/${reference}`, {
    method: 'PUT',
    body: Buffer.from(bytes),
    headers: { 'content-type': type },
  })
  assert.equal(response.status, 201)
}

const image = buildImage({ layers: [] })
const index = buildIndex([image])

/** Pushes a child by digest, then its index by tag. */
async function push(registry: TestRegistry): Promise<void> {
  for (const blob of image.blobs) {
    await registry.repository('demo/team/app').pushBlob(blob.descriptor, blob.open)
  }
  await put(registry, image.descriptor.digest, image.bytes, OCI_MANIFEST)
  await put(registry, 'v1', index.bytes, OCI_INDEX)
}

test('a push is told as Harbor tells it', async () => {
  using to = await receiver()
  await using registry = await startTestRegistry({
    webhooks: [{ url: to.url, authHeader: 'Bearer s3cret' }],
    externalHost: 'harbor.example.test',
    operator: 'robot$acceld',
    now: () => 1_795_218_339_000,
  })
  const before = Math.floor(Date.now() / 1000)
  await push(registry)
  const deliveries = await registry.deliveries()
  assert.deepEqual(
    deliveries.map(({ attempts, delivered }) => ({ attempts, delivered })),
    [
      { attempts: [200], delivered: true },
      { attempts: [200], delivered: true },
    ],
  )
  const { headers, url, body } = to.received.find((event) => event.body.includes('"v1"'))!
  assert.equal(url, '/api/v1/conversions?x=y')
  assert.deepEqual(headers, {
    host: new URL(to.url).host,
    'user-agent': 'Go-http-client/1.1',
    'content-length': String(Buffer.byteLength(body)),
    authorization: 'Bearer s3cret',
    'content-type': 'application/json',
    'accept-encoding': 'gzip',
    connection: 'close',
  })
  const event = JSON.parse(body) as { event_data: { repository: { date_created: number } } }
  const { date_created } = event.event_data.repository
  assert.ok(date_created >= before)
  assert.deepEqual(event, {
    type: 'PUSH_ARTIFACT',
    occur_at: 1_795_218_339,
    operator: 'robot$acceld',
    event_data: {
      resources: [
        {
          digest: digestOf(index.bytes),
          tag: 'v1',
          resource_url: 'harbor.example.test/demo/team/app:v1',
        },
      ],
      repository: {
        date_created,
        name: 'team/app',
        namespace: 'demo',
        repo_full_name: 'demo/team/app',
        repo_type: 'private',
      },
    },
  })
  const { digest } = image.descriptor
  const child = to.received.find((other) => !other.body.includes('"v1"'))!
  assert.deepEqual(
    (JSON.parse(child.body) as { event_data: { resources: object[] } }).event_data.resources,
    [{ digest, tag: digest, resource_url: `harbor.example.test/demo/team/app@${digest}` }],
  )
})

test('as a CloudEvent, the same at each attempt', async () => {
  using to = await receiver(503, 400)
  await using registry = await startTestRegistry()
  registry.webhook({ url: to.url, format: 'CloudEvents' })
  for (const blob of image.blobs) {
    await registry.repository('demo/team/app').pushBlob(blob.descriptor, blob.open)
  }
  await put(registry, 'v1', image.bytes, OCI_MANIFEST)
  const [delivery] = await registry.deliveries()
  assert.deepEqual(delivery?.attempts, [503, 400, 200])
  assert.equal(new Set(to.received.map((event) => event.body)).size, 1)
  const { headers, body } = to.received[0]!
  assert.equal(headers['content-type'], 'application/cloudevents+json')
  assert.equal(headers.authorization, undefined)
  const event = JSON.parse(body) as Record<string, unknown>
  assert.deepEqual(Object.keys(event), [
    'specversion',
    'id',
    'source',
    'type',
    'datacontenttype',
    'time',
    'data',
    'requestid',
    'operator',
  ])
  assert.equal(event['type'], 'harbor.artifact.pushed')
  assert.match(String(event['time']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
})

test('it is given up after three attempts, and nothing is told of a push that was refused', async () => {
  using to = await receiver(500, 500, 500)
  await using registry = await startTestRegistry({ webhooks: [{ url: to.url, copies: 1 }] })
  const refused = await fetch(`${registry.url}/v2/demo/app/manifests/v1`, {
    method: 'PUT',
    body: Buffer.from(image.bytes),
    headers: { 'content-type': OCI_MANIFEST },
  })
  assert.equal(refused.status, 400)
  assert.deepEqual(await registry.deliveries(), [])
  for (const blob of image.blobs) {
    await registry.repository('demo/team/app').pushBlob(blob.descriptor, blob.open)
  }
  await put(registry, 'v1', image.bytes, OCI_MANIFEST)
  const [delivery] = await registry.deliveries()
  assert.deepEqual([delivery?.attempts, delivery?.delivered], [[500, 500, 500], false])
})
