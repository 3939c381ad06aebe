import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { AccelError, isAccelError } from '../errors/accel-error.ts'
import type { ConfigProblem } from '../errors/catalogue/config.ts'
import { loadConfig, parseConfig, requireTagSuffix, type LoadInit } from './load.ts'
import type { Config } from './schema.ts'

const minimal = 'converter: { driver: { type: estargz } }\n'

function parse(yaml: string, init: LoadInit = {}): Config {
  return parseConfig(yaml, '/etc/accel/config.yaml', init).config
}

function problemsOf(yaml: string, init: LoadInit = {}): ConfigProblem[] {
  try {
    parse(yaml, init)
  } catch (error) {
    if (isAccelError(error, 'CONFIG_INVALID')) return [...error.context.problems]
    throw error
  }
  return []
}

const folder = mkdtempSync(join(tmpdir(), 'config-'))
after(() => rmSync(folder, { recursive: true }))

test('a file that says only the driver has the documented defaults', () => {
  const config = parse(minimal)
  assert.deepEqual(config.server, {
    name: 'API',
    host: '0.0.0.0',
    port: 2077,
    uds: '',
    tls: { certFile: '', keyFile: '' },
    drainTimeout: 0,
    apiToken: '',
    allowUnauthenticated: false,
    allowedHosts: '',
  })
  assert.deepEqual(config.log, { level: 'info', format: 'text' })
  assert.deepEqual(config.metric, { enabled: false })
  assert.deepEqual(config.provider, {
    source: new Map(),
    workDir: '/tmp',
    gcpolicy: { threshold: undefined, low: undefined },
    foreignHosts: '',
    cacheSize: 200,
    cacheVersion: '',
    cacheKey: '',
  })
  assert.deepEqual(config.converter, {
    worker: 5,
    attempts: 5,
    retryPause: 15,
    taskTimeout: 21_600,
    stallTimeout: 600,
    layers: 0,
    threads: 0,
    verify: true,
    growthWarning: 10,
    harborAnnotation: false,
    platforms: '',
    driver: { type: 'estargz', config: {} },
    rules: [],
  })
})

// The structure of the files that upstream ships, with what is commented out there filled in.
test('a file of an earlier release is read as it is', () => {
  const { config, warnings } = parseConfig(
    `# comment
server:
  name: API
  host: 0.0.0.0
  port: 2077
metric:
  enabled: true
provider:
  source:
    hub.harbor.com:
      auth: YTpiCg==
      insecure: yes
      webhook:
        auth_header: header
    localhost:
      # empty section
  work_dir: /tmp
  gcpolicy:
      threshold: 1000MB
  cache_size: 200
  cache_version: v1 
converter:
  worker: 5
  harbor_annotation: true
  driver:
    type: nydus
    config:
      work_dir: /tmp
      with_referrer: true
      fs_version: 6
      fs_chunk_size: 0x100000
      prefetch_patterns: |
        /usr/bin
        /etc
      backend_config: '{"dir":"/path"}'
      oci_ref: No
      batch_size: 0
      builder: ~
  rules:
    - tag_suffix: -nydus
    - cache_tag: nydus-cache
`,
    'config.yaml',
  )
  assert.deepEqual(warnings, [])
  assert.equal(config.server.port, 2077)
  assert.equal(config.metric.enabled, true)
  assert.deepEqual([...config.provider.source.keys()], ['hub.harbor.com', 'localhost'])
  const harbor = config.provider.source.get('hub.harbor.com')
  assert.deepEqual(harbor?.auth, { username: 'a', password: 'b' })
  assert.equal(harbor.insecure, true)
  assert.deepEqual(harbor.webhook, { authHeader: 'header', skipOwnPushes: true })
  assert.equal(config.provider.source.get('localhost')?.auth, undefined)
  assert.equal(config.provider.gcpolicy.threshold, 1_000_000_000)
  assert.equal(config.provider.cacheVersion, 'v1')
  assert.deepEqual(config.converter.driver.config, {
    work_dir: '/tmp',
    with_referrer: 'true',
    fs_version: '6',
    fs_chunk_size: '0x100000',
    prefetch_patterns: '/usr/bin\n/etc\n',
    backend_config: '{"dir":"/path"}',
    oci_ref: 'No',
    batch_size: '0',
    builder: '',
  })
  assert.deepEqual(config.converter.rules, [
    {
      name: 'default',
      tagSuffix: '-nydus',
      cacheTag: 'nydus-cache',
      platforms: '',
      driver: { type: '', config: {} },
      when: [],
      except: [],
    },
  ])
})

test('the shipped example files load without a warning, also under --strict-config', () => {
  const examples = join(import.meta.dirname, '../../misc/config')
  const files = readdirSync(examples).filter((name) => name.endsWith('.yaml'))
  const suffixes = files.map((name) => {
    const { config, warnings } = loadConfig(join(examples, name), { strict: true })
    assert.deepEqual(warnings, [], name)
    return [name, config.converter.rules.map((rule) => rule.tagSuffix).join()]
  })
  assert.deepEqual(Object.fromEntries(suffixes), {
    'config.estargz.yaml': '-esgz',
    'config.estargz.zstdchunked.yaml': '-estargz-zstdchunked',
    'config.nydus.ref.yaml': '-nydus-oci-ref',
    'config.nydus.yaml': '-nydus',
    'config.rules.yaml': '-nydus,-esgz-arm,-esgz',
    'config.yaml': '-esgz',
  })
})

test('the first rule that is not empty counts, for each key', () => {
  const yaml = `${minimal.trim().slice(0, -1)}, rules: [{ tag_suffix: "" }, { cache_tag: c1, tag_suffix: -a }, { tag_suffix: -b, cache_tag: c2 }] }\n`
  const [rule, ...others] = parse(yaml).converter.rules
  assert.equal(rule?.tagSuffix, '-a')
  assert.equal(rule.cacheTag, 'c1')
  assert.deepEqual(others, [])
})

test('all mistakes are reported at once, each with path and line', () => {
  const yaml = `server:
  port: 99999
  allow_unauthenticated: maybe
provider:
  source:
    harbor.example:
      auth: "not base64!"
      webhook: [a]
  gcpolicy:
    threshold: lots
converter:
  worker: 0
  rules:
    - tag_suffix: "-nydus:x"
    - cache_tag: -cache
`
  assert.deepEqual(problemsOf(yaml), [
    { line: 2, path: 'server.port', problem: '"99999" is not a number from 0 to 65535' },
    { line: 3, path: 'server.allow_unauthenticated', problem: '"maybe" is neither true nor false' },
    { line: 7, path: 'provider.source.harbor.example.auth', problem: 'is not base64' },
    {
      line: 8,
      path: 'provider.source.harbor.example.webhook',
      problem: 'is a list, expected a map',
    },
    {
      line: 10,
      path: 'provider.gcpolicy.threshold',
      problem: '"lots" is not a size; write it like 1000MB or 10GiB',
    },
    {
      line: 11,
      path: 'converter.driver.type',
      problem: 'is required, for example: estargz',
    },
    { line: 12, path: 'converter.worker', problem: 'worker count should be greater than 0' },
    {
      line: 14,
      path: 'converter.rules[0].tag_suffix',
      problem: '"-nydus:x" cannot end a tag: letters, digits, "_", "." and "-" only',
    },
    { line: 15, path: 'converter.rules[1].cache_tag', problem: '"-cache" is not a tag' },
  ])
})

test('the message of a mistake names file, line and path', () => {
  assert.throws(
    () => parse('server: { port: x }\n' + minimal),
    (error: unknown) =>
      error instanceof AccelError &&
      error.message ===
        '/etc/accel/config.yaml:1: server.port: "x" is not a number from 0 to 65535',
  )
})

test('an unknown key is warned of with the key that may be meant, and refused under strict', () => {
  const yaml = `servers: {}
server:
  uds_path: /run/a.sock
provider:
  workdir: /data
  source:
    localhost:
      insecur: true
      nonsense: 1
${minimal}`
  const { config, warnings } = parseConfig(yaml, 'c.yaml')
  assert.equal(config.provider.workDir, '/tmp')
  assert.deepEqual(warnings, [
    { line: 1, path: 'servers', problem: 'unknown key, did you mean server?' },
    {
      line: 3,
      path: 'server.uds_path',
      problem:
        'unknown key, the keys here are name, host, port, uds, tls, drain_timeout, api_token, allow_unauthenticated, allowed_hosts',
    },
    { line: 5, path: 'provider.workdir', problem: 'unknown key, did you mean work_dir?' },
    {
      line: 8,
      path: 'provider.source.localhost.insecur',
      problem: 'unknown key, did you mean insecure?',
    },
    {
      line: 9,
      path: 'provider.source.localhost.nonsense',
      problem:
        'unknown key, the keys here are auth, insecure, plain_http, token_hosts, ca_file, client_cert_file, client_key_file, address, max_connections, max_conversions, webhook, reconcile',
    },
  ])
  assert.deepEqual(problemsOf(yaml, { strict: true }), warnings)
})

test('a key of the driver is the driver’s to know', () => {
  const yaml = 'converter: { driver: { type: estargz, config: { chunk_size: 4Mi } } }'
  assert.deepEqual(parseConfig(yaml, 'c.yaml', { strict: true }).warnings, [])
})

test('a host that no reference can name is warned of', () => {
  const yaml = `provider: { source: { "https://harbor.example": {}, "[::1]:5000": {}, a_b.c: {} } }\n${minimal}`
  assert.deepEqual(
    parseConfig(yaml, 'c.yaml').warnings.map((warning) => warning.path),
    ['provider.source.https://harbor.example'],
  )
})

test('secrets come from the file, the environment or another file, and are reported for hiding', () => {
  writeFileSync(join(folder, 'header'), 'Bearer from-file\n')
  const auth = Buffer.from('robot$acceld:pass:with:colons').toString('base64')
  const yaml = `server: { api_token: env:TOKEN }
provider:
  source:
    a.example: { auth: env:AUTH, webhook: { auth_header: "file:header" } }
    b.example: { webhook: { auth_header: written here } }
${minimal}`
  const { config, secrets } = parseConfig(yaml, join(folder, 'config.yaml'), {
    environment: { TOKEN: 'token-1', AUTH: `${auth.slice(0, 10)}\n  ${auth.slice(10)}` },
  })
  assert.equal(config.server.apiToken, 'token-1')
  assert.deepEqual(config.provider.source.get('a.example')?.auth, {
    username: 'robot$acceld',
    password: 'pass:with:colons',
  })
  assert.equal(config.provider.source.get('a.example')?.webhook.authHeader, 'Bearer from-file')
  assert.equal(config.provider.source.get('b.example')?.webhook.authHeader, 'written here')
  for (const hidden of ['token-1', 'pass:with:colons', 'Bearer from-file', 'written here']) {
    assert.ok(secrets.includes(hidden), hidden)
  }
})

test('the keys of a storage backend are reported for hiding, wherever they stand in its JSON', () => {
  const yaml = `converter:
  driver:
    type: nydus
    config:
      backend_config: '{"access_key_id":"ID","access_key_secret":"hidden-1","o":{"securityToken" : "hidden-2"}}'
`
  assert.deepEqual(parseConfig(yaml, 'c.yaml').secrets, ['hidden-1', 'hidden-2'])
})

test('a secret that is not where it should be is a mistake that does not show what is there', () => {
  const yaml = `server: { api_token: env:NOWHERE }
provider: { source: { a: { auth: "file:missing", webhook: { auth_header: x } } } }
${minimal}`
  assert.deepEqual(problemsOf(yaml, { environment: {} }), [
    { line: 1, path: 'server.api_token', problem: 'the environment has no variable "NOWHERE"' },
    {
      line: 2,
      path: 'provider.source.a.auth',
      problem: 'cannot read /etc/accel/missing (ENOENT)',
    },
  ])
})

test('certificates are looked for beside the configuration file and must be readable', () => {
  writeFileSync(join(folder, 'ca.pem'), '')
  const yaml = `provider: { source: { a: { ca_file: ca.pem, client_cert_file: /no/cert.pem } } }\n${minimal}`
  assert.throws(
    () => parseConfig(yaml, join(folder, 'config.yaml')),
    /client_cert_file: cannot read \/no\/cert.pem \(ENOENT\)$/,
  )
  const read = parseConfig(yaml.replace('/no/cert.pem', 'ca.pem'), join(folder, 'config.yaml'))
  assert.equal(read.config.provider.source.get('a')?.caFile, join(folder, 'ca.pem'))
})

test('a file that is not YAML is refused with the line', () => {
  assert.deepEqual(
    problemsOf('server:\n  port: 1\n  port: 2\n').map((p) => p.line),
    [3],
  )
  assert.deepEqual(
    problemsOf('server:\n  name: "x\n').map((p) => p.path),
    [''],
  )
  assert.equal(problemsOf('- a\n- b\n')[0]?.problem, 'is a list, expected a map')
})

test('anchors and merge keys are followed, within bounds', () => {
  const yaml = `provider:
  source:
    a: &base { insecure: true, webhook: { auth_header: one } }
    b: { <<: *base, webhook: { auth_header: two } }
    c: *base
${minimal}`
  const { source } = parse(yaml).provider
  assert.equal(source.get('b')?.insecure, true)
  assert.equal(source.get('b')?.webhook.authHeader, 'two')
  assert.equal(source.get('c')?.webhook.authHeader, 'one')
  const bomb = Array.from({ length: 12 }, (_, i) =>
    i === 0 ? 'l0: &l0 [x]' : `l${i}: &l${i} [${`*l${i - 1},`.repeat(10)}]`,
  ).join('\n')
  assert.match(problemsOf(`${bomb}\n${minimal}`)[0]?.problem ?? '', /nested too deeply, or aliases/)
})

test('a file that cannot be read is named, with the reason', () => {
  assert.throws(
    () => loadConfig(join(folder, 'missing.yaml')),
    (error: unknown) =>
      isAccelError(error, 'CONFIG_UNREADABLE') && error.context.problem === 'ENOENT',
  )
})

test('what is loaded cannot be changed', () => {
  const config = parse(`provider: { source: { a: {} } }\n${minimal}`)
  assert.throws(() => {
    ;(config.provider.source.get('a') as { insecure: boolean }).insecure = true
  }, TypeError)
})

test('a service needs a suffix', () => {
  assert.throws(() => requireTagSuffix(parse(minimal), 'c.yaml'), /no rule has a tag_suffix/)
  requireTagSuffix(
    parse('converter: { driver: { type: estargz }, rules: [{ tag_suffix: -e }] }'),
    'c.yaml',
  )
})
