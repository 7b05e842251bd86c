-- SPDX-License-Identifier: GPL-2.0
--
-- Wireshark and tshark: what a vunixmon device has captured.
--
--   tshark -X lua_script:vunix.lua -r f.pcap
--
-- or put this file into the folder of personal Lua plugins (Help, About, Folders).
-- What was sent is handed on to the dissector of its protocol: that which a name
-- of the socket tells (preference "Names and protocols"), else that which the first
-- bytes look like.  Streams are put together for that, unless something is missing.
-- The format is told in <linux/vunixmon.h>.

local ETHERTYPE = 0x88b5
local HDR_LEN = 64
-- More than this is not kept to be put together.
local PENDING_MAX = 64 * 1024 * 1024

local F_TO_SERVER, F_TO_CLIENT, F_CONTINUED, F_URGENT = 1, 2, 4, 8
local STREAM, DGRAM = 1, 2

local vunix = Proto("vunix", "vunix local sockets")

local types = { [1] = "stream", [2] = "datagram", [5] = "seqpacket" }

local f = {
	version = ProtoField.uint8("vunix.version", "Version"),
	type = ProtoField.uint8("vunix.type", "Type", base.DEC, types),
	hdr_len = ProtoField.uint16("vunix.hdr_len", "Header length"),
	flags = ProtoField.uint16("vunix.flags", "Flags", base.HEX),
	to_server = ProtoField.bool("vunix.flags.to_server", "To the server",
		16, nil, F_TO_SERVER),
	to_client = ProtoField.bool("vunix.flags.to_client", "To the client",
		16, nil, F_TO_CLIENT),
	continued = ProtoField.bool("vunix.flags.continued",
		"Continues a longer send", 16, nil, F_CONTINUED),
	urgent = ProtoField.bool("vunix.flags.urgent", "Urgent", 16, nil,
		F_URGENT),
	time = ProtoField.absolute_time("vunix.time", "Queued",
		base.LOCAL),
	src_id = ProtoField.uint64("vunix.src", "Sender"),
	dst_id = ProtoField.uint64("vunix.dst", "Receiver"),
	id = ProtoField.uint64("vunix.id", "Sender or receiver"),
	seq = ProtoField.uint32("vunix.seq", "Sequence number"),
	msg_flags = ProtoField.uint32("vunix.msg_flags", "Flags of the call",
		base.HEX),
	pid = ProtoField.uint32("vunix.pid", "Process"),
	uid = ProtoField.uint32("vunix.uid", "User"),
	gid = ProtoField.uint32("vunix.gid", "Group"),
	fds = ProtoField.uint32("vunix.fds", "Descriptors"),
	len = ProtoField.uint32("vunix.len", "Length"),
	caplen = ProtoField.uint32("vunix.caplen", "Captured length"),
	src_name = ProtoField.string("vunix.src_name", "Name of the sender"),
	dst_name = ProtoField.string("vunix.dst_name", "Name of the receiver"),
	name = ProtoField.string("vunix.name", "Name of either"),
	data = ProtoField.bytes("vunix.data", "Data"),
	auth = ProtoField.string("vunix.dbus_auth", "D-Bus authentication"),
	pending = ProtoField.uint32("vunix.pending", "Bytes of earlier packets"),
}
vunix.fields = f

local e_lost = ProtoExpert.new("vunix.lost", "Packets are missing before this",
	expert.group.SEQUENCE, expert.severity.WARN)
local e_cut = ProtoExpert.new("vunix.cut", "Not all of it was captured",
	expert.group.SEQUENCE, expert.severity.NOTE)
local e_short = ProtoExpert.new("vunix.malformed", "Malformed header",
	expert.group.MALFORMED, expert.severity.ERROR)
vunix.experts = { e_lost, e_cut, e_short }

vunix.prefs.names = Pref.string("Names and protocols",
	"redis=resp, valkey=resp, dbus=dbus, system_bus_socket=dbus, " ..
	"/bus=dbus, docker.sock=http, .s.PGSQL=pgsql, mysqld.sock=mysql, " ..
	"/dev/log=syslog, dev-log=syslog",
	"Which dissector gets what is sent from or to sockets in whose name " ..
	"a text is: TEXT=DISSECTOR, with commas between. TABLE:NUMBER, as " ..
	"in tcp.port:6379, finds one, too")
vunix.prefs.guess = Pref.bool("Guess protocols", true,
	"Where no name tells, look at the first bytes of a connection")

-- What is known of each direction, and each pair; and of each packet, as the
-- packets are looked at again, in any order.
local streams, pairs_, frames = {}, {}, {}

function vunix.init()
	streams, pairs_, frames = {}, {}, {}
end

-- What others have chosen, for columns: tshark prints them on a terminal as they are.
local function printable(s)
	return (s:gsub("[%c\127]", "."):gsub("\194[\128-\159]", "."))
end

-- The first entry for the first name that has one.
local function by_name(...)
	for _, name in ipairs({ ... }) do
		for entry in vunix.prefs.names:gmatch("[^,]+") do
			local text, to = entry:match("^%s*(.-)%s*=%s*(%S+)%s*$")
			if text and text ~= "" and name:find(text, 1, true) then
				return to
			end
		end
	end
end

local function by_content(s)
	if s:find("^%z?AUTH ") or s:find("^[lB][\1-\4][%z\1-\15]\1") then
		return "dbus"
	end
	if s:find("^[*$]%-?%d+\r\n") or s:find("^%+[%w ]+\r\n") or
	   s:find("^PING\r\n") then
		return "resp"
	end
	if s:find("^[A-Z]+ %S+ HTTP/1%.%d\r\n") or s:find("^HTTP/1%.%d %d") then
		return "http"
	end
end

local function dissector_of(key, src_name, dst_name, bytes)
	local known = pairs_[key]
	if known == nil then
		known = by_name(dst_name, src_name)
		if not known and vunix.prefs.guess then
			known = by_content(bytes)
		end
		-- A later packet may tell more.
		pairs_[key] = known
	end
	return known
end

-- By its name; or where others find it: not each has one that scripts can use.
local elsewhere = { resp = "tcp.port:6379", dbus = "wtap_encap:146" }

local function find_dissector(name)
	local ok, d = pcall(Dissector.get, name)
	if ok and d then
		return d
	end
	local tab, nr = (elsewhere[name] or name):match("^(.-):(%d+)$")
	if not tab then
		return
	end
	ok, d = pcall(function()
		return DissectorTable.get(tab):get_dissector(tonumber(nr))
	end)
	return ok and d or nil
end

-- D-Bus, whose dissector takes one message: how many bytes at @at are one, nil if
-- there are not enough to tell, 0 if it is none.
local function dbus_len(tvb, at)
	local left = tvb:len() - at
	local function u32(o)
		if tvb(at, 1):uint() == 0x6c then
			return tvb(at + o, 4):le_uint()
		end
		return tvb(at + o, 4):uint()
	end

	if left < 16 then
		return nil
	end
	local endian = tvb(at, 1):uint()
	if (endian ~= 0x6c and endian ~= 0x42) or tvb(at + 3, 1):uint() ~= 1 then
		return 0
	end
	return 16 + math.floor((u32(12) + 7) / 8) * 8 + u32(4)
end

-- Of what a dissector fails at it has made a malformed packet in the tree, before it
-- becomes an error of Lua (hence pcall): that is done with as well.

-- Returns how many bytes are done with; the others are to come again, with more.
local function dissect_dbus(tvb, pinfo, tree, root)
	local d = find_dissector("dbus")
	local at, len = 0, tvb:len()

	while at < len do
		local first = tvb(at, 1):uint()
		local n = dbus_len(tvb, at)
		if first == 0 or (first >= 0x41 and first <= 0x5a and
				  (n == nil or n == 0)) then
			-- Lines of authentication, the first behind a NUL.
			local line = tvb(at):raw():match("^[^\n]*\n")
			if not line then
				if first == 0 and len - at == 1 then
					return len
				end
				return at
			end
			local text = line:gsub("[%z\r\n]", "")
			tree:add(f.auth, tvb(at, #line), text)
			pinfo.cols.protocol = "D-Bus"
			pinfo.cols.info:append(", " .. printable(text))
			at = at + #line
		elseif n == nil or (n > 0 and n > len - at) then
			return at
		elseif n == 0 or not d then
			return len
		else
			pcall(d.call, d, tvb(at, n):tvb(), pinfo, root)
			at = at + n
		end
	end
	return at
end

-- Others say themselves what they need.
local function dissect_other(name, tvb, pinfo, root)
	local d = find_dissector(name)
	if not d then
		return tvb:len()
	end
	-- One less for each dissector on the way
	pinfo.can_desegment = 2
	pinfo.desegment_len = 0
	pinfo.desegment_offset = 0
	if pcall(d.call, d, tvb, pinfo, root) and pinfo.desegment_len ~= 0 then
		local at = pinfo.desegment_offset
		pinfo.desegment_len = 0
		return at
	end
	pinfo.desegment_len = 0
	return tvb:len()
end

local function hand_on(name, tvb, pinfo, tree, root)
	if name == "dbus" then
		return dissect_dbus(tvb, pinfo, tree, root)
	end
	return dissect_other(name, tvb, pinfo, root)
end

-- A stream: what was left of earlier packets goes in front.
local function dissect_stream(frame, payload, pinfo, tree, root)
	local tvb = payload:tvb()

	if frame.before then
		tree:add(f.pending, payload, frame.before:len()):set_generated()
		local whole = ByteArray.new()
		whole:append(frame.before)
		whole:append(payload:bytes())
		tvb = whole:tvb("vunix stream")
	end
	local done = hand_on(frame.name, tvb, pinfo, tree, root)
	if done < tvb:len() then
		return tvb(done):bytes()
	end
end

local function first_sight(h, payload)
	local way = h.src .. ">" .. h.dst
	-- Of datagrams it is the receiver who counts, whoever sends.
	local counter = h.type == DGRAM and h.dst or way
	local st = streams[counter]
	local frame = {}

	if not st then
		st = { unnumbered = 0 }
		streams[counter] = st
	end
	if h.type == DGRAM and h.seq == 0 then
		-- From another network namespace, or the first: it tells nothing.
		st.unnumbered = st.unnumbered + 1
	else
		frame.lost = st.next ~= nil and
			(h.seq - st.next) % 4294967296 > st.unnumbered
		st.next = (h.seq + (h.type == STREAM and h.len or 1)) % 4294967296
		st.unnumbered = 0
	end
	if frame.lost then
		st.pending = nil
	end
	frame.before = st.pending
	-- Whatever becomes of this packet, it does not come in front of the next again.
	st.pending = nil
	frame.stream = st
	if payload then
		-- Both ends of a connection speak the same.
		local key = h.src < h.dst and way or h.dst .. ">" .. h.src
		frame.name = dissector_of(key, h.src_name, h.dst_name,
			payload:raw(0, math.min(payload:len(), 64)))
	end
	return frame
end

function vunix.dissector(tvb, pinfo, root)
	local tree = root:add(vunix, tvb())

	pinfo.cols.protocol = "vunix"
	if tvb:len() < HDR_LEN or tvb(0, 1):uint() ~= 1 or
	   tvb(2, 2):uint() > tvb:len() or
	   tvb(2, 2):uint() ~= HDR_LEN + tvb(6, 1):uint() + tvb(7, 1):uint() then
		tree:add_proto_expert_info(e_short)
		return
	end

	local h = {
		type = tvb(1, 1):uint(),
		hdr_len = tvb(2, 2):uint(),
		flags = tvb(4, 2):uint(),
		src = tostring(tvb(16, 8):uint64()),
		dst = tostring(tvb(24, 8):uint64()),
		seq = tvb(32, 4):uint(),
		len = tvb(56, 4):uint(),
		caplen = tvb(60, 4):uint(),
	}
	local function name(at, n)
		return n == 0 and "" or (tvb(at, n):raw():gsub("%z", "@"))
	end
	local src_len, dst_len = tvb(6, 1):uint(), tvb(7, 1):uint()
	h.src_name = name(HDR_LEN, src_len)
	h.dst_name = name(HDR_LEN + src_len, dst_len)
	local left = math.min(h.caplen, tvb:len() - h.hdr_len)

	tree:set_len(h.hdr_len)
	tree:add(f.version, tvb(0, 1))
	tree:add(f.type, tvb(1, 1))
	tree:add(f.hdr_len, tvb(2, 2))
	local flags = tree:add(f.flags, tvb(4, 2))
	flags:add(f.to_server, tvb(4, 2))
	flags:add(f.to_client, tvb(4, 2))
	flags:add(f.continued, tvb(4, 2))
	flags:add(f.urgent, tvb(4, 2))
	local ns = tvb(8, 8):uint64()
	tree:add(f.time, tvb(8, 8), NSTime.new((ns / 1000000000):tonumber(),
		(ns % 1000000000):tonumber()))
	tree:add(f.src_id, tvb(16, 8))
	tree:add(f.id, tvb(16, 8)):set_hidden()
	tree:add(f.dst_id, tvb(24, 8))
	tree:add(f.id, tvb(24, 8)):set_hidden()
	tree:add(f.seq, tvb(32, 4))
	tree:add(f.msg_flags, tvb(36, 4))
	tree:add(f.pid, tvb(40, 4))
	tree:add(f.uid, tvb(44, 4))
	tree:add(f.gid, tvb(48, 4))
	tree:add(f.fds, tvb(52, 4))
	tree:add(f.len, tvb(56, 4))
	tree:add(f.caplen, tvb(60, 4))
	if src_len > 0 then
		local r = tvb(HDR_LEN, src_len)
		tree:add(f.src_name, r, h.src_name)
		tree:add(f.name, r, h.src_name):set_hidden()
	end
	if dst_len > 0 then
		local r = tvb(HDR_LEN + src_len, dst_len)
		tree:add(f.dst_name, r, h.dst_name)
		tree:add(f.name, r, h.dst_name):set_hidden()
	end
	tree:append_text(", " .. h.src .. " to " .. h.dst)

	pinfo.cols.info = string.format("%s%s -> %s%s, process %d, %d bytes",
		h.src, h.src_name == "" and "" or " " .. printable(h.src_name),
		h.dst, h.dst_name == "" and "" or " " .. printable(h.dst_name),
		tvb(40, 4):uint(), h.len)
	if tvb(52, 4):uint() > 0 then
		pinfo.cols.info:append(string.format(", %d descriptors",
			tvb(52, 4):uint()))
	end

	-- Dissectors go by the port which they were found at to tell who is who.
	if bit.band(h.flags, F_TO_SERVER) ~= 0 then
		pinfo.dst_port = ETHERTYPE
	elseif bit.band(h.flags, F_TO_CLIENT) ~= 0 then
		pinfo.src_port = ETHERTYPE
	end

	local payload = left > 0 and tvb(h.hdr_len, left) or nil
	local frame = frames[pinfo.number]
	local first = not frame
	if first then
		frame = first_sight(h, payload)
		frames[pinfo.number] = frame
	end
	if frame.lost then
		tree:add_proto_expert_info(e_lost)
	end
	if left < h.len then
		tree:add_proto_expert_info(e_cut)
	end
	if not payload then
		return
	end
	tree:add(f.data, payload)

	local rest
	if not frame.name then
		Dissector.get("data"):call(payload:tvb(), pinfo, root)
	elseif h.type == STREAM then
		rest = dissect_stream(frame, payload, pinfo, tree, root)
	else
		hand_on(frame.name, payload:tvb(), pinfo, tree, root)
	end
	if first then
		-- With a gap behind it, it is of no use.
		if rest and (left < h.len or rest:len() > PENDING_MAX) then
			rest = nil
		end
		frame.stream.pending = rest
	end
end

DissectorTable.get("ethertype"):add(ETHERTYPE, vunix)
