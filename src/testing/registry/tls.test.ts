import assert from 'node:assert/strict'
import { get } from 'node:https'
import { test } from 'node:test'
import { startTestRegistry } from './test-registry.ts'

function status(url: string, ca: string | undefined): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(`${url}/v2/`, ca === undefined ? {} : { ca }, (response) => {
      response.resume()
      resolve(response.statusCode)
    }).once('error', reject)
  })
}

test('HTTPS with a certificate that only those who know its authority trust', async () => {
  await using registry = await startTestRegistry({ tls: true })
  assert.ok(registry.url.startsWith('https://127.0.0.1:'))
  assert.equal(await status(registry.url, registry.ca), 200)
  assert.equal(await status(registry.url.replace('127.0.0.1', 'localhost'), registry.ca), 200)
  await assert.rejects(status(registry.url, undefined), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
})
