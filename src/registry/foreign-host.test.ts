import assert from 'node:assert/strict'
import type { lookup, LookupAddress } from 'node:dns'
import { test } from 'node:test'
import { foreignLookup, isOwnMachine, refuseForeign } from './foreign-host.ts'
import { resolveHost, type HostInit } from './host.ts'

test('this machine and its link, in every spelling that a URL takes', () => {
  const own = [
    'localhost',
    'LOCALHOST',
    'localhost.',
    'a.localhost',
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '017700000001',
    '0',
    '0.0.0.0',
    '169.254.169.254',
    '2852039166',
    '0xa9fea9fe',
    '[::1]',
    '[0:0:0:0:0:0:0:1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:169.254.169.254]',
    '[::ffff:a9fe:a9fe]',
    '[::ffff:0.0.0.0]',
    '[fe80::1]',
    '[fd00:ec2::254]',
  ]
  const hostname = (spelling: string): string => new URL(`http://${spelling}/`).hostname
  assert.deepEqual(
    own.filter((spelling) => !isOwnMachine(hostname(spelling))),
    [],
  )
  const others = ['h.test', 'localhost.test', '10.0.0.1', '128.0.0.1', '169.255.0.1', '[fd00::1]']
  assert.deepEqual(
    others.filter((spelling) => isOwnMachine(hostname(spelling))),
    [],
  )
})

const near = resolveHost('localhost:5000', {})
const far = (init: HostInit = {}) => resolveHost('h.test', init)

test('a registry elsewhere sends nobody to this machine, one on it may', () => {
  assert.match(refuseForeign(far(), new URL('https://127.0.0.1/x')) ?? '', /of this machine/)
  assert.equal(refuseForeign(near, new URL('https://127.0.0.1/x')), undefined)
  assert.equal(
    refuseForeign(far({ address: '127.0.0.1:1' }), new URL('http://127.0.0.1:9000/x')),
    undefined,
  )
})

test('where hosts are listed, only these are contacted', () => {
  const host = far({ foreignHosts: ['s3.test', '*.cdn.test', 'minio.test:9000', 'H2.test:8443'] })
  const judged = (url: string): boolean => refuseForeign(host, new URL(url)) === undefined
  const allowed = [
    'https://s3.test/x',
    'http://s3.test/x',
    'https://S3.TEST/x',
    'https://a.cdn.test/x',
    'https://a.b.cdn.test/x',
    'http://minio.test:9000/x',
    'https://h2.test:8443/x',
  ]
  const refused = [
    'https://s3.test:8443/x',
    'https://cdn.test/x',
    'https://evilcdn.test/x',
    'https://a.cdn.test.evil.test/x',
    'http://minio.test/x',
    'https://other.test/x',
  ]
  assert.deepEqual(
    allowed.filter((url) => !judged(url)),
    [],
  )
  assert.deepEqual(refused.filter(judged), [])
})

test('a name that leads to this machine is as good as its address', async () => {
  const addresses: LookupAddress[] = [
    { address: '192.0.2.7', family: 4 },
    { address: '169.254.169.254', family: 4 },
  ]
  const resolve = ((
    _: string,
    options: { all?: boolean },
    callback: (error: null, address: unknown, family?: number) => void,
  ) =>
    options.all
      ? callback(null, addresses)
      : callback(null, '127.0.0.1', 4)) as unknown as typeof lookup
  const ask = (host: ReturnType<typeof far>, all: boolean): Promise<string> =>
    new Promise((done) => {
      foreignLookup(host, resolve)('x.test', { all }, (error, address) =>
        done(error === null ? JSON.stringify(address) : String(error.code)),
      )
    })
  for (const all of [true, false]) {
    assert.equal(await ask(far(), all), 'FOREIGN_HOST_IS_OWN_MACHINE')
  }
  assert.equal(await ask(near, false), '"127.0.0.1"')
})
