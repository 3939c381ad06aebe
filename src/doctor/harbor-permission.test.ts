import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tick, type Permission } from './harbor-permission.ts'

const push: Permission[] = [
  { resource: 'repository', action: 'pull' },
  { resource: 'repository', action: 'push' },
  { resource: 'artifact', action: 'list' },
]
const boxes = 'Pull and Push in the row "Repository" and List in the row "Artifact"'

const accounts: [string, string | undefined, string][] = [
  [
    'a robot of the project',
    'robot$demo+acceld',
    `in Harbor: Projects > demo > Robot Accounts > robot$demo+acceld > Action > Edit, tick ${boxes}`,
  ],
  [
    'a robot of the system',
    'robot$acceld',
    `in Harbor: Administration > Robot Accounts > robot$acceld > Action > Edit, for the project demo tick ${boxes}`,
  ],
  [
    'a robot of another project',
    'robot$other+acceld',
    `robot$other+acceld is a robot of the project other and of no other: use one of demo, or one of the system, and tick ${boxes}`,
  ],
  [
    'a user',
    'alice',
    'in Harbor: Projects > demo > Members, give alice the role Developer or a higher one',
  ],
  [
    'nobody',
    undefined,
    `make a robot account in Harbor, Projects > demo > Robot Accounts, tick ${boxes}, and configure it as auth`,
  ],
]
for (const [name, account, expected] of accounts) {
  test(name, () => assert.equal(tick(account, 'demo', push), expected))
}

test('a user who must see webhooks is more than a developer', () => {
  const list: Permission[] = [{ resource: 'notification-policy', action: 'list' }]
  assert.match(tick('alice', 'demo', list), /give alice the role Maintainer or a higher one$/)
})
