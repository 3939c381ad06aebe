import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resolveHost, type HostInit } from './host.ts'
import { judgeRealm } from './realm.ts'

/** Host, its settings, the realm, and where the token is asked for: `own <path>`, a URL, or `refused`. */
const cases: [string, HostInit, string, string][] = [
  ['h.test', {}, 'https://h.test/service/token', 'own https://h.test/service/token'],
  ['h.test', {}, 'https://h.test:443/token?a=b', 'own https://h.test/token?a=b'],
  ['h.test', {}, '/service/token', 'own https://h.test/service/token'],
  // Behind a proxy: the registry does not know that it has TLS. The token is asked for with TLS.
  ['h.test', {}, 'http://h.test/service/token', 'own https://h.test/service/token'],
  ['h.test', { plainHttp: true }, 'https://h.test/token', 'own http://h.test/token'],
  ['h.test:8443', {}, 'https://h.test:8443/token', 'own https://h.test:8443/token'],
  ['h.test:8443', {}, 'https://h.test:9443/token', 'https://h.test:9443/token'],
  ['h.test:8443', {}, 'http://h.test:9080/token', 'refused'],
  ['h.test:5000', { plainHttp: true }, 'http://h.test:5001/auth', 'http://h.test:5001/auth'],
  ['h.test', { insecure: true }, 'https://h.test:5001/auth', 'https://h.test:5001/auth'],
  ['docker.io', {}, 'https://auth.docker.io/token', 'https://auth.docker.io/token'],
  ['h.test', {}, 'http://auth.test/token', 'refused'],
  ['h.test', { insecure: true }, 'https://auth.test/token', 'refused'],
  ['h.test', { plainHttp: true }, 'https://auth.test/token', 'refused'],
  ['h.test', { plainHttp: true }, 'http://auth.test/token', 'refused'],
  [
    'h.test',
    { plainHttp: true, tokenHosts: ['auth.test'] },
    'http://auth.test/token',
    'http://auth.test/token',
  ],
  [
    'h.test',
    { plainHttp: true, tokenHosts: ['auth.test:80'] },
    'http://auth.test/token',
    'http://auth.test/token',
  ],
  [
    'h.test',
    { plainHttp: true, tokenHosts: ['auth.test'] },
    'http://auth.test:81/token',
    'refused',
  ],
  [
    'h.test',
    { insecure: true, tokenHosts: ['AUTH.test:443'] },
    'https://auth.test/t',
    'https://auth.test/t',
  ],
  ['h.test', { tokenHosts: ['auth.test'] }, 'http://auth.test/token', 'refused'],
  [
    'h.test',
    { tokenHosts: ['auth.test'] },
    'https://auth.test.evil.test/token',
    'https://auth.test.evil.test/token',
  ],
  [
    'h.test',
    { insecure: true, tokenHosts: ['auth.test'] },
    'https://auth.test.evil.test/token',
    'refused',
  ],
  ['127.0.0.1:5000', {}, 'http://127.0.0.1:5001/auth', 'http://127.0.0.1:5001/auth'],
  ['localhost:5000', {}, 'http://127.0.0.1:5001/auth', 'http://127.0.0.1:5001/auth'],
  ['127.0.0.1:5000', {}, 'http://evil.test/auth', 'refused'],
  ['127.0.0.1:5000', {}, 'https://evil.test/auth', 'refused'],
  ['[::1]:5000', {}, 'http://[::1]:5000/auth', 'own http://[::1]:5000/auth'],
  ['h.test', {}, 'https://user:pa@h.test/token', 'refused'],
  ['h.test', {}, 'ftp://h.test/token', 'refused'],
  ['h.test', {}, 'file:///etc/passwd', 'refused'],
  ['h.test', {}, 'https://', 'refused'],
  ['h.test', {}, '//evil.test/token', 'https://evil.test/token'],
  ['h.test', { plainHttp: true }, '//evil.test/token', 'refused'],
  ['h.test', {}, 'https://localhost/token', 'refused'],
  ['h.test', {}, 'https://169.254.169.254/token', 'refused'],
  ['h.test', {}, 'https://2852039166/token', 'refused'],
  ['h.test', {}, 'https://[::ffff:a9fe:a9fe]/token', 'refused'],
  ['h.test', { foreignHosts: ['auth.test'] }, 'https://auth.test/t', 'https://auth.test/t'],
  ['h.test', { foreignHosts: ['auth.test'] }, 'https://evil.test/t', 'refused'],
]

for (const [name, init, realm, want] of cases) {
  test(`${name} ${JSON.stringify(init)} names ${realm}: ${want}`, () => {
    const judged = judgeRealm(resolveHost(name, init), realm)
    const got = 'refused' in judged ? 'refused' : `${judged.own ? 'own ' : ''}${judged.url.href}`
    assert.equal(got, want)
  })
}

test('a refused realm is shown without its user and query', () => {
  const judged = judgeRealm(resolveHost('h.test', {}), 'https://u:secret@h.test/token?key=secret')
  assert.ok('refused' in judged)
  assert.doesNotMatch(JSON.stringify(judged), /secret/)
})
