import { operations, type Operation } from './operations.ts'
import { schemas } from './schemas.ts'

/** The API as an OpenAPI 3.1 document. `version` is the program's. */
export function openApiDocument(version: string): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const [operationId, operation] of Object.entries<Operation>(operations)) {
    const path = (paths[operation.path] ??= {})
    path[operation.method.toLowerCase()] = documented(operationId, operation)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'acceld',
      version,
      description:
        'Has container images converted into lazily pullable ones. A superset of the API of goharbor/acceleration-service.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ authorization: [] }],
    paths,
    components: {
      schemas,
      securitySchemes: {
        authorization: {
          type: 'apiKey',
          in: 'header',
          name: 'Authorization',
          description:
            '`server.api_token`, alone or behind `Bearer `, for everything; or the `webhook.auth_header` of a registry, to the letter, for that registry. Not needed on the Unix domain socket.',
        },
      },
    },
  }
}

function documented(operationId: string, operation: Operation): object {
  const { summary, description, open, parameters = [], body, answers } = operation
  return {
    operationId,
    summary,
    description,
    ...(open ? { security: [] } : {}),
    ...(parameters.length === 0
      ? {}
      : {
          parameters: parameters.map((parameter) => ({
            ...parameter,
            ...(parameter.in === 'path' ? { required: true } : {}),
          })),
        }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: content(body) } }),
    responses: Object.fromEntries(
      Object.entries(answers).map(([status, answer]) => [
        status,
        {
          description: answer.description,
          ...(answer.body === undefined ? {} : { content: content(answer.body) }),
        },
      ]),
    ),
  }
}

function content(body: Readonly<Record<string, object>>): object {
  return Object.fromEntries(Object.entries(body).map(([type, schema]) => [type, { schema }]))
}
