// PostGraphile 5 over the same tables, with the names of its version 4.
import { createServer } from 'node:http'
import { postgraphile } from 'postgraphile'
import { grafserv } from 'postgraphile/grafserv/node'
import { makePgService } from 'postgraphile/adaptors/pg'
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber'
import { makeV4Preset } from 'postgraphile/presets/v4'

const port = Number(process.argv[process.argv.indexOf('--port') + 1])
const preset = {
  extends: [PostGraphileAmberPreset, makeV4Preset({ graphiql: false })],
  pgServices: [makePgService({ connectionString: process.env.DATABASE_URL, schemas: ['public'] })],
  grafserv: { graphqlPath: '/graphql', websockets: false },
  grafast: { explain: false }
}
const server = createServer()
await postgraphile(preset).createServ(grafserv).addTo(server)
server.listen(port, '127.0.0.1')
