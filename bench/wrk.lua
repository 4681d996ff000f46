-- Arguments: the method, the bytes of the body, and the hosts to ask in turn,
-- if they are more than the one of the Host header.
function init(args)
    wrk.method = args[1]
    if tonumber(args[2]) > 0 then
        wrk.body = string.rep("p", tonumber(args[2]))
    end
    local requests = {}
    for i = 3, #args do
        wrk.headers["Host"] = args[i]
        requests[#requests + 1] = wrk.format()
    end
    if #requests > 0 then
        local turn = 0
        request = function()
            turn = turn % #requests + 1
            return requests[turn]
        end
    end
end

-- One line of JSON, which bench reads.
function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format(
        '\nbench {"requests":%d,"microseconds":%d,"bytes":%d,"p50":%d,"p99":%d,' ..
        '"errors":{"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}}\n',
        summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
        e.connect, e.read, e.write, e.timeout, e.status))
end
