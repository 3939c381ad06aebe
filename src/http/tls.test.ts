import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpsRequest } from 'node:https'
import { connect as connectPlain } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { connect } from 'node:tls'
import { createServiceClient } from '../api/client.ts'
import { isAccelError } from '../errors/accel-error.ts'
import { startTestService, type TestService } from '../testing/service/http-service.ts'
import { readTlsIdentity } from './tls.ts'

const fixtures = join(import.meta.dirname, '../../test/fixtures/registry-tls')
const folder = mkdtempSync(join(tmpdir(), 'tls-'))
after(() => rmSync(folder, { recursive: true }))

const fixture = (name: string): string => join(fixtures, `${name}.pem`)
const certFile = join(folder, 'cert.pem')
const keyFile = join(folder, 'key.pem')
copyFileSync(fixture('server'), certFile)
copyFileSync(fixture('server-key'), keyFile)

const yaml = `server:
  host: 127.0.0.1
  port: 0
  api_token: t0k3n
  tls: { cert_file: ${certFile}, key_file: ${keyFile} }
provider: { source: { localhost: {} } }
converter: { driver: { type: estargz }, rules: [{ tag_suffix: -esgz }] }
`

/** The fingerprint of the certificate that is shown. */
function shown(service: TestService): Promise<string> {
  return new Promise((resolve, reject) => {
    const port = service.server.port ?? 0
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? '')
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

const fingerprint = (name: string): string =>
  new X509Certificate(readFileSync(fixture(name))).fingerprint256

test('the API is served with TLS, and a client that trusts the authority may use it', async () => {
  await using service = await startTestService({ yaml })
  const address = `https://localhost:${service.server.port}`
  const ca = readFileSync(fixture('ca'), 'utf8')
  const client = createServiceClient({ address, ca, authorization: 'Bearer t0k3n' })
  await client.createTask('localhost/a:1', { sync: true })
  const [task] = await client.listTasks()
  assert.equal(task?.status, 'COMPLETED')
  await assert.rejects(
    createServiceClient({ address, authorization: 'Bearer t0k3n' }).listTasks(),
    /UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED/,
  )
})

test('who speaks without TLS, or an old one, is turned away and harms nobody', async () => {
  await using service = await startTestService({ yaml })
  await assert.rejects(service.send({ path: '/api/v1/health' }), /ECONNRESET|hang up/)
  const port = service.server.port ?? 0
  await assert.rejects(
    new Promise((_, reject) => {
      const socket = connect({
        port,
        host: '127.0.0.1',
        maxVersion: 'TLSv1.1',
        minVersion: 'TLSv1',
        rejectUnauthorized: false,
      })
      socket.on('error', reject)
    }),
  )
  assert.equal(await shown(service), fingerprint('server'))
})

test('a renewed certificate is shown without a restart; files that do not fit change nothing', async () => {
  await using service = await startTestService({ yaml, tls: { everyMs: 5 } })
  assert.equal(await shown(service), fingerprint('server'))
  const said = async (pattern: RegExp): Promise<void> => {
    while (!pattern.test(service.lines.join(''))) await new Promise((done) => setImmediate(done))
  }
  const replace = (file: string, name: string): void => {
    copyFileSync(fixture(name), `${file}.new`)
    renameSync(`${file}.new`, file)
  }
  replace(certFile, 'client')
  await said(
    /level=warning msg="the certificate has changed and cannot be used; the old one stays"/,
  )
  assert.equal(await shown(service), fingerprint('server'))
  replace(keyFile, 'client-key')
  await said(/level=info msg="the certificate was read again from .*cert\.pem"/)
  assert.equal(await shown(service), fingerprint('client'))
  replace(certFile, 'server')
  replace(keyFile, 'server-key')
})

test('what is wrong with the files is said, with the file', () => {
  const refused = (cert: string, key: string): string => {
    try {
      readTlsIdentity({ certFile: cert, keyFile: key })
    } catch (error) {
      assert.ok(isAccelError(error, 'CONFIG_UNREADABLE'))
      return error.message
    }
    return 'taken'
  }
  const text = join(folder, 'text')
  writeFileSync(text, 'nothing of the kind')
  const [cert, key] = [fixture('server'), fixture('server-key')]
  assert.equal(refused('', ''), 'taken')
  assert.equal(refused(cert, key), 'taken')
  assert.equal(refused(cert, ''), `cannot read ${cert}: server.tls.key_file is not set`)
  assert.equal(refused('', key), `cannot read ${key}: server.tls.cert_file is not set`)
  assert.equal(refused('/nowhere', key), 'cannot read /nowhere: ENOENT')
  assert.equal(refused(text, key), `cannot read ${text}: it holds no certificate in PEM`)
  assert.equal(
    refused(cert, text),
    `cannot read ${text}: it holds no private key in PEM without a password`,
  )
  assert.equal(
    refused(cert, fixture('client-key')),
    `cannot read ${fixture('client-key')}: it is not the key of the certificate in ${cert}`,
  )
})

test('a client that does not finish its handshake holds nobody up', async () => {
  await using service = await startTestService({ yaml })
  const silent = Array.from({ length: 50 }, () =>
    connectPlain(service.server.port ?? 0, '127.0.0.1').on('error', () => undefined),
  )
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const request = httpsRequest(
      {
        port: service.server.port,
        host: '127.0.0.1',
        path: '/api/v1/health',
        ca: readFileSync(fixture('ca')),
        agent: false,
      },
      (response) => {
        response.resume()
        resolve(response.statusCode)
      },
    )
    request.on('error', reject)
    request.end()
  })
  assert.equal(status, 200)
  for (const socket of silent) socket.destroy()
})
