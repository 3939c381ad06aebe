import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resolveHost, type HostInit } from './host.ts'
import { judgeRedirect, uploadLocation } from './redirect.ts'

/** Host, its settings, from, Location, and where it leads. */
const redirects: [string, HostInit, string, string | undefined, string][] = [
  ['h.test', {}, 'https://h.test/v2/a', 'https://s3.test/x?sig=1', 'https://s3.test/x?sig=1'],
  ['h.test', {}, 'https://h.test/v2/a', '/other', 'https://h.test/other'],
  ['h.test', {}, 'https://h.test/v2/a', 'http://s3.test/x', 'refused'],
  ['h.test', {}, 'https://h.test/v2/a', 'http://h.test/x', 'refused'],
  ['h.test', { plainHttp: true }, 'http://h.test/v2/a', 'http://s3.test/x', 'http://s3.test/x'],
  ['h.test', { plainHttp: true }, 'http://h.test/v2/a', 'https://s3.test/x', 'https://s3.test/x'],
  ['h.test', { plainHttp: true }, 'https://s3.test/x', 'http://s4.test/x', 'refused'],
  ['h.test', {}, 'https://h.test/v2/a', 'https://127.0.0.1/x', 'refused'],
  ['h.test', {}, 'https://h.test/v2/a', 'https://localhost:2077/x', 'refused'],
  ['h.test', { plainHttp: true }, 'http://h.test/v2/a', 'http://169.254.169.254/latest', 'refused'],
  ['h.test', { plainHttp: true }, 'http://h.test/v2/a', 'http://[fe80::1]/x', 'refused'],
  ['h.test', { plainHttp: true }, 'http://h.test/v2/a', 'http://0.0.0.0:2375/x', 'refused'],
  ['h.test', { plainHttp: true }, 'http://h.test/v2/a', 'http://2852039166/x', 'refused'],
  ['h.test', { plainHttp: true }, 'http://h.test/v2/a', 'http://[::ffff:a9fe:a9fe]/x', 'refused'],
  ['h.test', { foreignHosts: ['s3.test'] }, 'https://h.test/a', 'https://s4.test/x', 'refused'],
  [
    'h.test',
    { foreignHosts: ['*.s3.test'] },
    'https://h.test/a',
    'https://a.s3.test/x',
    'https://a.s3.test/x',
  ],
  // from the storage back to the registry
  ['h.test', { foreignHosts: [] }, 'https://s3.test/a', 'https://h.test/x', 'https://h.test/x'],
  ['h.test', { plainHttp: true }, 'http://h.test/v2/a', 'http://[::ffff:127.0.0.1]/x', 'refused'],
  [
    'h.test',
    { address: '127.0.0.1:5000', plainHttp: true },
    'http://h.test/v2/a',
    'http://127.0.0.1:9000/x',
    'http://127.0.0.1:9000/x',
  ],
  ['127.0.0.1:1', {}, 'http://127.0.0.1:1/a', 'http://127.0.0.1:2/x', 'http://127.0.0.1:2/x'],
  [
    'localhost:1',
    { plainHttp: false },
    'https://localhost:1/a',
    'http://127.0.0.1:2/x',
    'http://127.0.0.1:2/x',
  ],
  ['h.test', {}, 'https://h.test/v2/a', 'https://u:p@s3.test/x', 'refused'],
  ['h.test', {}, 'https://h.test/v2/a', 'file:///etc/passwd', 'refused'],
  ['h.test', {}, 'https://h.test/v2/a', undefined, 'refused'],
]

for (const [name, init, from, location, want] of redirects) {
  test(`${from} sends to ${location}: ${want}`, () => {
    const hop = judgeRedirect(resolveHost(name, init), new URL(from), location)
    assert.equal('refused' in hop ? 'refused' : hop.url.href, want)
  })
}

/** From, Location, and where the upload goes on. */
const locations: [string, string | undefined, string][] = [
  [
    'https://h.test/v2/a/blobs/uploads/',
    '/v2/a/blobs/uploads/1?_state=x',
    'https://h.test/v2/a/blobs/uploads/1?_state=x',
  ],
  ['https://h.test/v2/a/blobs/uploads/', 'https://h.test/u/1', 'https://h.test/u/1'],
  ['https://h.test/v2/a/blobs/uploads/', 'http://h.test/u/1', 'https://h.test/u/1'],
  [
    'https://h.test:8443/v2/a/blobs/uploads/',
    'http://h.test/u/1?a=b%2Fc',
    'https://h.test:8443/u/1?a=b%2Fc',
  ],
  ['http://h.test/v2/a/blobs/uploads/', 'https://h.test:444/u/1', 'http://h.test/u/1'],
  ['https://h.test/v2/a/blobs/uploads/', 'https://other.test/u/1', 'https://other.test/u/1'],
  ['https://h.test/v2/a/blobs/uploads/', 'https://u:p@h.test/u/1', 'refused'],
  ['https://h.test/v2/a/blobs/uploads/', 'ftp://h.test/u/1', 'refused'],
  ['https://h.test/v2/a/blobs/uploads/', '', 'refused'],
  ['https://h.test/v2/a/blobs/uploads/', undefined, 'refused'],
]

for (const [from, location, want] of locations) {
  test(`an upload at ${from} goes on at ${location}: ${want}`, () => {
    const hop = uploadLocation(new URL(from), location)
    assert.equal('refused' in hop ? 'refused' : hop.url.href, want)
  })
}
