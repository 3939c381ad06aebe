import { renderJsonSchema, SCHEMA_FILE } from '../../src/config/json-schema.ts'
import type { Page } from './page.ts'

/** `misc/config/config.schema.json`: what editors complete and check configuration files with. */
export const jsonSchemaPage: Page = {
  path: `misc/config/${SCHEMA_FILE}`,
  render: renderJsonSchema,
}
