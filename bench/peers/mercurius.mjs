// Mercurius with its JIT over node-postgres: what bench/edge_plain.py serves, by the same statements.
import Fastify from 'fastify'
import mercurius from 'mercurius'
import pg from 'pg'

const port = Number(process.argv[process.argv.indexOf('--port') + 1])
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 })
const columns = 'id, number, title, description, priority, due_at, completed_at, version, created_at, updated_at'

const schema = `
  enum Priority { LOW MEDIUM HIGH }
  type Task {
    id: ID! number: Int! title: String! description: String priority: Priority! dueAt: String
    completed: Boolean! completedAt: String version: Int! createdAt: String! updatedAt: String!
  }
  type PageInfo { hasNextPage: Boolean! }
  type TaskConnection { nodes: [Task!]! pageInfo: PageInfo! }
  type Query { tasks(first: Int!): TaskConnection! task(number: Int!): Task }
  type Mutation { createTask(title: String!): Task! }
`
const instant = (value) => value && value.toISOString()
const resolvers = {
  Task: {
    priority: (row) => ['LOW', 'MEDIUM', 'HIGH'][row.priority - 1],
    dueAt: (row) => instant(row.due_at),
    completed: (row) => row.completed_at !== null,
    completedAt: (row) => instant(row.completed_at),
    createdAt: (row) => instant(row.created_at),
    updatedAt: (row) => instant(row.updated_at)
  },
  Query: {
    tasks: async (_, { first }, { user }) => {
      const { rows } = await pool.query({
        name: 'list',
        text: `select ${columns} from tasks where user_id = $1 and deleted_at is null
               order by created_at desc, id desc limit $2`,
        values: [user, first + 1]
      })
      return { nodes: rows.slice(0, first), pageInfo: { hasNextPage: rows.length > first } }
    },
    task: async (_, { number }, { user }) => {
      const text = `select ${columns} from tasks where user_id = $1 and number = $2 and deleted_at is null`
      return (await pool.query({ name: 'single', text, values: [user, number] })).rows[0]
    }
  },
  Mutation: {
    createTask: async (_, { title }, { user }) => {
      const text = `with taken as (
          update users set last_task_number = last_task_number + 1 where id = $1
          returning id as user_id, last_task_number as number
        )
        insert into tasks (id, user_id, number, title)
        select gen_random_uuid(), user_id, number, $2 from taken returning ${columns}`
      return (await pool.query({ name: 'create', text, values: [user, title] })).rows[0]
    }
  }
}

const app = Fastify()
app.register(mercurius, { schema, resolvers, jit: 1, context: (request) => ({ user: request.headers['x-user'] }) })
await app.listen({ port, host: '127.0.0.1' })
