import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isOwnName } from './own-name.ts'

const server = { host: 'accel.example.com', allowedHosts: 'convert.example.org, Other.example.net' }
const isOwn = (host: string | undefined): boolean => isOwnName(host, server, 'node-7.example.com')

test('addresses, names that the public DNS does not have, and configured names are names of the service', () => {
  const own = [
    '127.0.0.1:2077',
    '192.168.4.5',
    '[::1]:2077',
    '[fd00::7]',
    'localhost:2077',
    'acceld:2077',
    'acceld.harbor.svc:2077',
    'acceld.harbor.svc.cluster.local',
    'box.local',
    'acceld.corp.internal.',
    'ACCEL.example.com',
    'convert.example.org:8443',
    'other.example.net',
    'node-7.example.com:2077',
    '',
    undefined,
  ]
  assert.deepEqual(
    own.filter((host) => !isOwn(host)),
    [],
  )
})

test('a name that anybody could have registered is none, nor is what is no name', () => {
  const foreign = [
    'rebind.example',
    'evil.com:2077',
    'evil.com.',
    '127.0.0.1.evil.com',
    'localhost.evil.com',
    'svc.evil.com',
    'notlocal.accel.example.com',
    'evillocal.com',
    '[evil.com]:2077',
    '[::1].evil.com',
    'evil.com:80:80',
    'a@evil.com',
  ]
  assert.deepEqual(
    foreign.filter((host) => isOwn(host)),
    [],
  )
})
